import type { ApprovalView, ShownMigration } from '../data/types.js';
import { courseWords } from '../data/course.js';
import { Time } from './time.js';
import { LineList } from './lines.js';

/** What the migration would do beside the change of the template: grants, traffic, gates, undo, and when. */
export function Course({ view, strategy }: { view: ApprovalView; strategy: ShownMigration['strategy'] }) {
  const { mayStartAt, reason } = view.window;
  return (
    <>
      {courseWords(view, strategy).map(({ title, lines }) => (
        <div key={title}>
          <h3>{title}</h3>
          <LineList lines={lines} />
        </div>
      ))}
      {mayStartAt === null ? null : (
        <p>
          It may begin <Time at={mayStartAt} />: {reason}
        </p>
      )}
    </>
  );
}
