import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { ThrottlerModule } from '@nestjs/throttler';
import type { NoteSigner } from '@scc/audit';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { AccessModule, type AccessOptions } from './access/access.module.js';
import { ApprovalsModule } from './approvals/approvals.module.js';
import type { IsRunning, SendCommand } from './approvals/temporal.js';
import { AuditModule } from './audit/audit.module.js';
import type { Contradictions } from './audit/contradictions.controller.js';
import type { CampaignBoards } from './campaigns/boards.js';
import { CampaignsModule } from './campaigns/campaigns.module.js';
import type { CampaignAuthors } from './engine/campaign-authors.js';
import { EngineModule } from './engine/engine.module.js';
import { HealthModule } from './health/health.module.js';
import type { Observer } from './health/observer.js';
import { HistoryModule } from './history/history.module.js';
import { ProofSigner } from './history/proof.js';
import type { ReadModelWatch } from './history/read-model-watch.js';
import { EntityTagInterceptor } from './http/etag.js';
import { AnswerSeals } from './database/answer-seals.js';
import { IdempotencyInterceptor } from './http/idempotency.js';
import { ProblemFilter } from './http/problems.js';
import { QueryInterceptor } from './http/queries.js';
import { rateLimit, RateLimitGuard } from './http/rate-limit.js';
import { ShareInterceptor } from './http/share.js';
import { ReceiptsInterceptor } from './audit/receipts.interceptor.js';
import { validationPipe } from './http/validation.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import type { Courier } from './notifications/courier.js';
import { PodsModule } from './pods/pods.module.js';
import { PoliciesModule } from './policies/policies.module.js';
import { RegistryModule } from './registry/registry.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { RiskModule } from './risk/risk.module.js';
import type { ScanParts } from './scans/request.js';
import { ScansModule } from './scans/scans.module.js';
import { ScheduleModule } from './schedule/schedule.module.js';
import { SignInWays } from './sessions/session.controller.js';
import type { OidcFlowSettings } from './sessions/oidc-flow.js';
import { SIGN_IN_PATH } from './sessions/serve-sign-in.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { StreamModule } from './stream/stream.module.js';
import { StopsModule } from './stops/stops.module.js';

export interface AppParts {
  source: DataSource;
  observer: Observer;
  access: AccessOptions;
  signer: NoteSigner;
  seals: AnswerSeals;
  origin: string;
  ratePerSecond: number;
  contradictions: Contradictions;
  readModel: ReadModelWatch;
  logger: Logger;
  isRunning: IsRunning;
  sendCommand: SendCommand;
  campaigns: CampaignAuthors;
  boards: CampaignBoards;
  scans: ScanParts;
  /** The way to receivers of notifications. */
  courier: Courier;
  /** Null where browsers cannot sign in with an issuer. */
  signIn: OidcFlowSettings | null;
  /** The workflows in the Temporal Web UI, for links; null where its address is not configured. */
  temporalUi: string | null;
}

const wayOf = ({ kind, issuer }: OidcFlowSettings) => ({
  issuer,
  start: SIGN_IN_PATH,
  ...(kind === 'openshift' ? { name: 'OpenShift' } : {}),
});

/** Everything that answers requests, from parts that the composition root made. */
@Module({})
export class AppModule {
  static register({
    source,
    observer,
    access,
    signer,
    seals,
    origin,
    ratePerSecond,
    contradictions,
    readModel,
    logger,
    isRunning,
    sendCommand,
    campaigns,
    boards,
    scans,
    courier,
    signIn,
    temporalUi,
  }: AppParts): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [
        ThrottlerModule.forRoot(rateLimit(ratePerSecond)),
        AccessModule.register(access),
        EngineModule.register({ isRunning, sendCommand, campaigns, signer, origin }),
        ...[ApprovalsModule, PoliciesModule, ScheduleModule, RegistryModule, PodsModule, RiskModule],
        StopsModule.register(isRunning),
        CampaignsModule.register(boards),
        ScansModule.register(scans),
        NotificationsModule.register(courier),
        HistoryModule.register({ signer, origin, readModel }),
        ReportsModule.register(new ProofSigner(signer, origin)),
        AuditModule.register({ origin, logger, contradictions }),
        HealthModule.register(observer),
        StreamModule.register(logger),
        SessionsModule.register(new SignInWays(signIn && wayOf(signIn), temporalUi)),
      ],
      providers: [
        { provide: DataSource, useValue: source },
        { provide: AnswerSeals, useValue: seals },
        { provide: APP_FILTER, useValue: new ProblemFilter(logger) },
        { provide: APP_INTERCEPTOR, useClass: QueryInterceptor },
        { provide: APP_INTERCEPTOR, useClass: ReceiptsInterceptor },
        { provide: APP_INTERCEPTOR, useClass: EntityTagInterceptor },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
        { provide: APP_INTERCEPTOR, useClass: ShareInterceptor },
        { provide: APP_PIPE, useValue: validationPipe() },
        { provide: APP_GUARD, useClass: RateLimitGuard },
      ],
      exports: [DataSource],
    };
  }
}
