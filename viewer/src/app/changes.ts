/** Follows what happens in the archive: events while they flow, polling when they do not. */
import { getJson } from './api';
import type { Change, ChangePage } from './wire';

const POLL_EVERY_MS = 5_000;
const RETRY_EVENTS_AFTER_MS = 60_000;
const FAILURES_BEFORE_POLLING = 2;

/**
 * Calls `onChange` for each change until the returned function is called.
 *
 * A hidden page lets its connection go (browsers keep only six per host, and a reader may hold
 * many tabs) and asks for what it missed when it is looked at again.
 */
export function followChanges(onChange: (change: Change) => void): () => void {
  let cursor: number | null = null;
  let events: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let pollingSince = 0;
  let stopped = false;

  const receive = (change: Change): void => {
    if (cursor !== null && change.cursor <= cursor) return;
    cursor = change.cursor;
    onChange(change);
  };

  const catchUp = async (): Promise<void> => {
    const page = await getJson<ChangePage>(
      cursor === null ? '/api/changes' : `/api/changes?since=${cursor}&limit=500`,
    );
    if (stopped) return;
    page.changes.forEach(receive);
    cursor = Math.max(cursor ?? 0, page.cursor);
  };

  const poll = (): void => {
    timer = setTimeout(() => {
      catchUp()
        .catch(() => undefined) // unreachable: the page shows that already, the next turn tries again
        .finally(() => {
          if (stopped || document.hidden) return;
          if (Date.now() - pollingSince > RETRY_EVENTS_AFTER_MS) listen();
          else poll();
        });
    }, POLL_EVERY_MS);
  };

  const listen = (): void => {
    quiet();
    events = new EventSource('/api/events');
    events.addEventListener('open', () => {
      failures = 0;
      catchUp().catch(() => undefined);
    });
    events.addEventListener('change', (event) => {
      receive(JSON.parse((event as MessageEvent<string>).data) as Change);
    });
    events.addEventListener('error', () => {
      failures += 1;
      if (failures < FAILURES_BEFORE_POLLING && events?.readyState !== EventSource.CLOSED) return;
      quiet();
      pollingSince = Date.now();
      poll();
    });
  };

  const quiet = (): void => {
    events?.close();
    events = null;
    clearTimeout(timer);
  };

  const onVisibility = (): void => {
    if (document.hidden) quiet();
    else listen();
  };

  document.addEventListener('visibilitychange', onVisibility);
  if (!document.hidden) listen();
  return () => {
    stopped = true;
    document.removeEventListener('visibilitychange', onVisibility);
    quiet();
  };
}
