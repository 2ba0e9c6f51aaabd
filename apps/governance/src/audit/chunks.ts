/** Room for the rest of an entry beside its rows. */
const MAX_ROW_CHARACTERS = 24_000;

/** Divides rows among as many entries as they need; no rows need none. */
export function chunked<Row>(rows: readonly Row[]): Row[][] {
  const chunks: Row[][] = [];
  let characters = Infinity;
  for (const row of rows) {
    const length = JSON.stringify(row).length;
    characters += length;
    if (characters > MAX_ROW_CHARACTERS) {
      chunks.push([]);
      characters = length;
    }
    chunks.at(-1)?.push(row);
  }
  return chunks;
}
