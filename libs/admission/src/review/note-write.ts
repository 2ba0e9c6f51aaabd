import type { WriteHint } from './pod-hint.js';
import type { Answer, HintedAnswer } from './outcome.js';
import type { ReviewRequest } from './review.js';

/** An answer with the note who wrote the object, when it is let pass and is to be kept. */
export function noteWrite(
  answer: Answer,
  { userInfo, dryRun }: Pick<ReviewRequest, 'userInfo' | 'dryRun'>,
  object: Omit<WriteHint, 'by' | 'at'>,
): HintedAnswer {
  const by = userInfo.username;
  if (!answer.allowed || dryRun || !by || object.name === '') return answer;
  return { ...answer, wrote: { ...object, by, at: new Date().toISOString() } };
}
