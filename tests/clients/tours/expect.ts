/** Checks of the tours; without an error, a tour prints nothing. */

export function expect(condition: unknown, text: string): asserts condition {
  if (!condition) throw new Error(text);
}

/** Check the status of a refusal, and that its problem document has it as well. */
export function refused(
  answer: { error?: unknown; response?: Response },
  status: number,
): void {
  const problem = answer.error as { status?: number; detail?: string } | undefined;
  const text = `${answer.response?.status} instead of ${status}: ${problem?.detail}`;
  expect(answer.response?.status === status && problem?.status === status, text);
}

/** A picture of one pixel. */
export const PICTURE = new Blob(
  [
    Uint8Array.from(
      atob(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
      ),
      (character) => character.charCodeAt(0),
    ),
  ],
  { type: "image/png" },
);
