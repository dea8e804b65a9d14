/** Which page the address means, and how to go to another one without a reload. */
import { computed, signal } from '@preact/signals-core';

export type Route =
  | { page: 'worklist' }
  | { page: 'study'; studyInstanceUid: string }
  | { page: 'sign-in'; next: string }
  | { page: 'unknown' };

export interface Address {
  readonly path: string;
  readonly query: string;
}

export const address = signal<Address>(
  typeof location === 'undefined' ? { path: '/', query: '' } : here(),
);
export const route = computed(() => parseRoute(address.value));

export function parseRoute({ path, query }: Address): Route {
  if (path === '/') return { page: 'worklist' };
  if (path === '/sign-in') {
    return { page: 'sign-in', next: safeNext(new URLSearchParams(query).get('next')) };
  }
  const study = /^\/study\/([0-9A-Za-z._-]+)$/.exec(path);
  if (study?.[1]) return { page: 'study', studyInstanceUid: study[1] };
  return { page: 'unknown' };
}

/** A place inside the viewer to return to; anything that could leave this site becomes the worklist. */
export function safeNext(next: string | null): string {
  if (!next?.startsWith('/') || /^\/[/\\]/.test(next) || next.startsWith('/sign-in')) return '/';
  return next;
}

export function navigate(to: string): void {
  history.pushState({ inside: true }, '', to);
  address.value = here();
}

/** Changes the address without a new step in the history, as filters do while typing. */
export function replaceAddress(to: string): void {
  history.replaceState(history.state, '', to);
  address.value = here();
}

/** Back to where we came from, or to `otherwise` when this page was opened from outside. */
export function goBack(otherwise: string): void {
  if ((history.state as { inside?: boolean } | null)?.inside) history.back();
  else navigate(otherwise);
}

/** Follows the back button, and turns clicks on our own links into navigation. */
export function startRouter(): void {
  addEventListener('popstate', () => {
    address.value = here();
  });
  document.addEventListener('click', (event) => {
    const link = (event.target as Element).closest?.('a[href^="/"]');
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!link || !plain || link.hasAttribute('download') || event.defaultPrevented) return;
    event.preventDefault();
    navigate(link.getAttribute('href') ?? '/');
  });
}

function here(): Address {
  return { path: location.pathname, query: location.search };
}
