import { describe, expect, it } from '@jest/globals';
import { isTimeZone, occurrences, recurrenceSchema, type Recurrence, type Span } from './occurrences.js';
import { freezeAt, nextOpening, type NamedRecurring, weeklyWindows, windowAt } from './openings.js';

const HOUR = 60 * 60 * 1000;
const ms = (time: string): number => Date.parse(time);
const iso = (time: number | null | undefined): string | null => (time == null ? null : new Date(time).toISOString());
const weekly = (days: string[], from: string, to: string): Recurrence =>
  recurrenceSchema.parse({ type: 'weekly', ranges: [{ days, from, to }] });
const entry = (timeZone: string, recurrence: Recurrence): NamedRecurring => ({ name: 'entry', timeZone, recurrence });
const readable = (spans: Span[]): string[] => spans.map(({ from, to }) => `${iso(from)}/${iso(to)}`);

describe('isTimeZone', () => {
  it.each(['Europe/Berlin', 'UTC', 'Etc/GMT-1', 'America/Argentina/Buenos_Aires'])('takes %s', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });
  it.each(['+01:00', '-0300', '+01', '', ' ', 'Mars/Olympus', '\u221201:00'])(
    'refuses %j, which knows no daylight saving',
    (name) => {
      expect(isTimeZone(name)).toBe(false);
    },
  );
});

describe('occurrences', () => {
  // 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
  const change = (name: string, wall: [string, string], reading: 'longer' | 'shorter', utc: [string, string, string]) =>
    ({ name, wall, reading, utc }) as const;
  it.each([
    change('a window that begins in the gap begins after it', ['02:30', '05:00'], 'shorter', [
      '2026-03-29',
      '01:30',
      '03:00',
    ]),
    change('a freeze that begins in the gap begins before it', ['02:30', '05:00'], 'longer', [
      '2026-03-29',
      '00:30',
      '03:00',
    ]),
    change('a window that ends in the gap ends before it', ['01:00', '02:30'], 'shorter', [
      '2026-03-29',
      '00:00',
      '00:30',
    ]),
    change('a freeze that ends in the gap ends after it', ['01:00', '02:30'], 'longer', [
      '2026-03-29',
      '00:00',
      '01:30',
    ]),
    change('a window begins in the second of two hours', ['02:30', '05:00'], 'shorter', [
      '2026-10-25',
      '01:30',
      '04:00',
    ]),
    change('a freeze begins in the first of two hours', ['02:30', '05:00'], 'longer', ['2026-10-25', '00:30', '04:00']),
  ])('$name', ({ wall: [from, to], reading, utc: [day, begins, ends] }) => {
    const spans = occurrences(
      entry('Europe/Berlin', weekly(['Sun'], from, to)),
      { from: ms(`${day}T00:00:00Z`) - HOUR, to: ms(`${day}T23:00:00Z`) },
      reading,
    );
    expect(readable(spans)).toEqual([`${day}T${begins}:00.000Z/${day}T${ends}:00.000Z`]);
  });

  it('gives the night before the clock is set back its extra hour', () => {
    const spans = occurrences(
      entry('Europe/Berlin', weekly(['Sat'], '22:00', '06:00')),
      { from: ms('2026-10-24T12:00:00Z'), to: ms('2026-10-25T12:00:00Z') },
      'shorter',
    );
    expect(spans.map(({ from, to }) => (to - from) / HOUR)).toEqual([9]);
  });

  it('finds a range that began the day before', () => {
    const night = entry('UTC', weekly(['Mon'], '22:00', '02:00'));
    const spans = occurrences(night, { from: ms('2026-03-10T01:00:00Z'), to: ms('2026-03-10T03:00:00Z') }, 'shorter');
    expect(readable(spans)).toEqual(['2026-03-09T22:00:00.000Z/2026-03-10T02:00:00.000Z']);
  });
});

describe('nextOpening', () => {
  const tuesdayNoon = ms('2026-03-10T12:00:00Z');
  const night = entry('America/New_York', weekly(['Mon', 'Tue', 'Wed', 'Thu', 'Fri'], '22:00', '02:00'));

  it('is now when nothing stands against it', () => {
    expect(nextOpening({ freezes: [], windows: [[]] }, tuesdayNoon, HOUR)).toBe(tuesdayNoon);
  });

  it('is the next window in its own zone', () => {
    expect(iso(nextOpening({ freezes: [], windows: [[night]] }, tuesdayNoon, HOUR))).toBe('2026-03-11T02:00:00.000Z');
  });

  it('is not in a window that ends too soon', () => {
    const late = ms('2026-03-11T05:30:00Z');
    expect(iso(nextOpening({ freezes: [], windows: [[night]] }, late, HOUR))).toBe('2026-03-12T02:00:00.000Z');
    expect(nextOpening({ freezes: [], windows: [[night]] }, late, HOUR / 2)).toBe(late);
  });

  it('is nowhere when no window is ever long enough', () => {
    expect(nextOpening({ freezes: [], windows: [[night]] }, tuesdayNoon, 5 * HOUR)).toBeNull();
  });

  it('joins windows that touch', () => {
    const halves = [entry('UTC', weekly(['Wed'], '00:00', '03:00')), entry('UTC', weekly(['Wed'], '03:00', '06:00'))];
    expect(iso(nextOpening({ freezes: [], windows: [halves] }, tuesdayNoon, 6 * HOUR))).toBe(
      '2026-03-11T00:00:00.000Z',
    );
  });

  it('lets a freeze beat a window, also one that begins while the migration would run', () => {
    const freeze = entry('UTC', { type: 'once', from: '2026-03-11T03:00', to: '2026-03-12T00:00' });
    const calendar = { freezes: [freeze], windows: [[night]] };
    expect(iso(nextOpening(calendar, tuesdayNoon, HOUR))).toBe('2026-03-11T02:00:00.000Z');
    expect(iso(nextOpening(calendar, tuesdayNoon, 2 * HOUR))).toBe('2026-03-12T02:00:00.000Z');
  });

  it('asks for both the calendar and the plan to be open', () => {
    const plan = entry('UTC', weekly(['Thu'], '00:00', '24:00'));
    expect(iso(nextOpening({ freezes: [], windows: [[night], [plan]] }, tuesdayNoon, HOUR))).toBe(
      '2026-03-12T02:00:00.000Z',
    );
  });
});

describe('freezeAt', () => {
  it('ends when the last of those that touch ends', () => {
    const freezes = [
      { ...entry('UTC', { type: 'once', from: '2026-03-10T00:00', to: '2026-03-11T00:00' }), name: 'first' },
      { ...entry('UTC', { type: 'once', from: '2026-03-11T00:00', to: '2026-03-12T00:00' }), name: 'second' },
    ];
    expect(freezeAt({ freezes, windows: [] }, ms('2026-03-10T12:00:00Z'))).toEqual({
      name: 'first',
      untilMs: ms('2026-03-12T00:00:00Z'),
    });
    expect(freezeAt({ freezes, windows: [] }, ms('2026-03-12T00:00:00Z'))).toBeNull();
  });
});

describe('windowAt', () => {
  const nights = weeklyWindows([{ days: ['Mon', 'Fri'], from: '22:00', to: '02:00', timeZone: 'Europe/Vienna' }]);
  it.each<[string, string, boolean, string]>([
    ['before it', '2026-11-23T20:59:59Z', false, '2026-11-23T21:00:00Z'],
    ['in it', '2026-11-23T21:00:00Z', true, '2026-11-24T01:00:00Z'],
    ['after it', '2026-11-24T01:00:00Z', false, '2026-11-27T21:00:00Z'],
  ])('says whether one is open, and until when: %s', (_case, time, isOpen, until) => {
    expect(windowAt(nights, Date.parse(time))).toEqual({ isOpen, untilMs: Date.parse(until) });
  });

  it('knows of windows that never open', () => {
    expect(windowAt([], 0)).toMatchObject({ isOpen: true });
  });
});
