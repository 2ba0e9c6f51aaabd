export { AllowedHosts } from './allowed.js';
export { backoffMs, type Backoff } from './backoff.js';
export { commonConfig, ConfigError, loadConfig } from './config.js';
export { addGauge } from './gauge.js';
export { startHealthServer, type HealthOptions, type HealthServer } from './health.js';
export {
  AnswerTooLong,
  HttpClient,
  isCertificateFault,
  textOf,
  type Answer,
  type Exchange,
  type HttpOptions,
  type OpenAnswer,
} from './http.js';
export { createLogger, type Logger } from './logger.js';
export { pause, withDeadline, type Deadline } from './pause.js';
export { onShutdown } from './shutdown.js';
export { DeadlineExceeded, DeadlineThreads, type ThreadOptions } from './threads.js';
export {
  followTrust,
  secretOf,
  trustOf,
  type FollowedTrust,
  type TlsMaterial,
  type Trust,
  type TrustFiles,
} from './trust.js';
export { codeOf, messageOf } from './values.js';
export { DeadlineError, waitFor, type WaitOptions } from './wait.js';
