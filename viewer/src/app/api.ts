/** Asks the archive over HTTP and turns what went wrong into a value the pages can explain. */
import { signal } from '@preact/signals-core';

/** The archive answered, and the answer is a refusal. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(detail);
  }
}

/** No answer at all: no network, or the archive is down. */
export class Unreachable extends Error {}

/** Since when nothing has been heard, or null while the archive answers. */
export const unreachableSince = signal<Date | null>(null);

let whenSignedOut: () => void = () => undefined;

/** Names what to do when a session has ended on the server's side. */
export function onSignedOut(action: () => void): void {
  whenSignedOut = action;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { signal: signal ?? null, headers: { Accept: 'application/json' } });
  return (await response.json()) as T;
}

export async function send(method: string, path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json' } };
  if (body !== undefined) {
    init.headers = { Accept: 'application/json', 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body);
  }
  return request(path, init);
}

/** Fetch that throws `Problem` for refusals and `Unreachable` when there is no answer. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    unreachableSince.value ??= new Date();
    throw new Unreachable(String(error));
  }
  unreachableSince.value = null;
  if (response.ok) return response;
  const problem = await readProblem(response);
  // A wrong password is also a 401, but it ends no session.
  if (problem.status === 401 && !path.startsWith('/api/session')) whenSignedOut();
  throw problem;
}

async function readProblem(response: Response): Promise<Problem> {
  const wait = Number(response.headers.get('Retry-After') ?? NaN);
  const retryAfterS = Number.isFinite(wait) ? wait : null;
  try {
    const body = (await response.json()) as { code?: string; detail?: string; title?: string };
    const detail = body.detail ?? body.title ?? response.statusText;
    return new Problem(response.status, body.code ?? 'unknown', detail, retryAfterS);
  } catch {
    return new Problem(response.status, 'unknown', response.statusText, retryAfterS);
  }
}

/** True for the error a cancelled request ends with: nobody is waiting for it any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
