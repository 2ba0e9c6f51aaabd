import { z } from 'zod';
import { ConfigError, loadConfig } from '../config.js';
import { collectorOf, tracingConfig } from './config.js';
import { tracingOf } from './start.js';

const settings = (env: Record<string, string>) => loadConfig(z.object(tracingConfig), env);

describe('where spans go', () => {
  it.each<[Record<string, string>, string | null]>([
    [{}, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318' }, 'http://otel:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel/base/' }, 'https://otel/base/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://otel/spans' }, 'http://otel/spans'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318', OTEL_SDK_DISABLED: 'true' }, null],
  ])('%o: %s', (env, url) => {
    expect(collectorOf(settings(env))).toBe(url);
    expect(tracingOf(settings(env)) === null).toBe(url === null);
  });

  it('takes headers as OpenTelemetry writes them, and repeats none that it does not understand', () => {
    const { OTEL_EXPORTER_OTLP_HEADERS } = settings({
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a=b, x-b=c',
    });
    expect(OTEL_EXPORTER_OTLP_HEADERS).toEqual({ authorization: 'Bearer a=b', 'x-b': 'c' });
    const wrong = () => settings({ OTEL_EXPORTER_OTLP_HEADERS: 's3cret' });
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(/OTEL_EXPORTER_OTLP_HEADERS: must be NAME=VALUE/);
    expect(wrong).not.toThrow(/s3cret/);
  });

  it('refuses an endpoint that is no URL and a sampler that it does not know', () => {
    expect(() => settings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'otel:4318', OTEL_TRACES_SAMPLER: 'jaeger' })).toThrow(
      /OTEL_EXPORTER_OTLP_ENDPOINT[^]*OTEL_TRACES_SAMPLER/,
    );
  });
});
