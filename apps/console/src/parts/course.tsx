import type { ApprovalView } from '../data/types.js';
import { courseWords } from '../data/course.js';
import { Time } from './time.js';
import { LineList } from './lines.js';

/** What the migration would do beside the change of the template: grants, traffic, gates, undo, and when. */
export function Course({ view }: { view: ApprovalView }) {
  const { mayStartAt, reason } = view.window;
  return (
    <>
      {courseWords(view).map(({ title, lines }) => (
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
