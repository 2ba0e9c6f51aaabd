import { createHash } from 'node:crypto';
import { isConflict, isMissing } from './errors.js';
import { microTime, type KubeObject, type ObjectId } from './object.js';

/** Something that happened to an object, for `kubectl describe` and `kubectl get events`. */
export interface KubeEvent {
  regarding: { apiVersion: string; kind: string; namespace?: string; name: string; uid?: string };
  type: 'Normal' | 'Warning';
  /** A word in UpperCamelCase. */
  reason: string;
  message: string;
  /** The act, as a verb in UpperCamelCase. */
  action: string;
}

/** Between two writes about the same repeated event, in milliseconds; what comes between is counted. */
const REPEAT_MS = 30_000;
const REMEMBERED = 1000;
const MAX_NOTE_BYTES = 1024;
/** Of an object's name. */
const MAX_NAME = 253;
const EVENTS = 'events.k8s.io/v1';

interface Writer {
  create: (object: KubeObject) => Promise<unknown>;
  merge: (id: ObjectId, body: unknown) => Promise<unknown>;
}

interface Series {
  count: number;
  writtenAt: number;
}

function cut(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= MAX_NOTE_BYTES) return text;
  // A character that was cut in two decodes to U+FFFD.
  return bytes
    .subarray(0, MAX_NOTE_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}

/** The same event has the same name, in every process in which it arises: repeating it makes no new object. */
export function nameOf({ regarding, type, reason, message, action }: KubeEvent): string {
  const { kind, namespace = '', name, uid = '' } = regarding;
  const facts = JSON.stringify([kind, namespace, name, uid, type, reason, action, message]);
  const hash = createHash('sha256').update(facts).digest('hex').slice(0, 16);
  return `${name.slice(0, MAX_NAME - hash.length - 1).replace(/[.-]+$/, '')}.${hash}`;
}

/** Writes events, each once; a repeated one only has its series counted on, and not more often than every 30 s. */
export class EventRecorder {
  readonly #series = new Map<string, Series>();

  constructor(
    private readonly writer: Writer,
    private readonly reporter: { controller: string; instance: string },
    private readonly now: () => number = Date.now,
  ) {}

  async record(event: KubeEvent): Promise<void> {
    const name = nameOf(event);
    const namespace = event.regarding.namespace ?? 'default';
    const series = this.#series.get(`${namespace}/${name}`);
    if (series) {
      series.count += 1;
      if (this.now() - series.writtenAt < REPEAT_MS) return;
    }
    const count = series?.count ?? 2;
    if (!series) {
      const isNew = await this.#create(event, { namespace, name });
      this.#remember(`${namespace}/${name}`, { count: isNew ? 1 : count, writtenAt: this.now() });
      if (isNew) return;
    }
    await this.#countOn(event, { namespace, name }, count);
  }

  async #countOn(event: KubeEvent, where: { namespace: string; name: string }, count: number): Promise<void> {
    const at = new Date(this.now());
    const body = { series: { count, lastObservedTime: microTime(at) } };
    try {
      await this.writer.merge({ apiVersion: EVENTS, kind: 'Event', ...where }, body);
    } catch (error) {
      // Events end after an hour.
      if (!isMissing(error, where.name)) throw error;
      await this.#create(event, where);
    }
    this.#remember(`${where.namespace}/${where.name}`, { count, writtenAt: at.getTime() });
  }

  /** False when the event was there already. */
  async #create(event: KubeEvent, where: { namespace: string; name: string }): Promise<boolean> {
    const { regarding, type, reason, action, message } = event;
    try {
      await this.writer.create({
        apiVersion: EVENTS,
        kind: 'Event',
        metadata: where,
        eventTime: microTime(new Date(this.now())),
        reportingController: this.reporter.controller,
        reportingInstance: this.reporter.instance,
        regarding,
        type,
        reason,
        action,
        note: cut(message),
      });
      return true;
    } catch (error) {
      if (!isConflict(error)) throw error;
      return false;
    }
  }

  #remember(key: string, series: Series): void {
    this.#series.delete(key);
    this.#series.set(key, series);
    const oldest = this.#series.keys().next();
    if (this.#series.size > REMEMBERED && !oldest.done) this.#series.delete(oldest.value);
  }
}
