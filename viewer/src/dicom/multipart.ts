/** Takes the first part out of a multipart/related answer (RFC 2387). */

const CR = 13;
const LF = 10;

/** The body itself when the answer is not multipart. */
export function firstPart(body: Uint8Array, contentType: string): Uint8Array {
  const boundary = boundaryOf(contentType);
  if (boundary === null) return body;
  const delimiter = new TextEncoder().encode(`--${boundary}`);
  const opening = find(body, delimiter, 0);
  if (opening < 0) throw new Error('the answer has no multipart boundary');
  const start = afterBlankLine(body, opening + delimiter.length);
  const closing = find(body, concat([CR, LF], delimiter), start);
  if (closing < 0) throw new Error('the answer ends inside a part');
  return body.subarray(start, closing);
}

function boundaryOf(contentType: string): string | null {
  if (!/^multipart\//i.test(contentType)) return null;
  const found = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  return found?.[1] ?? found?.[2] ?? null;
}

function afterBlankLine(body: Uint8Array, from: number): number {
  const blank = find(body, Uint8Array.of(CR, LF, CR, LF), from);
  if (blank < 0) throw new Error('a part has no end of headers');
  return blank + 4;
}

function find(body: Uint8Array, pattern: Uint8Array, from: number): number {
  const first = pattern[0]!;
  for (let at = body.indexOf(first, from); at >= 0; at = body.indexOf(first, at + 1)) {
    if (pattern.every((byte, i) => body[at + i] === byte)) return at;
  }
  return -1;
}

function concat(head: readonly number[], tail: Uint8Array): Uint8Array {
  return Uint8Array.of(...head, ...tail);
}
