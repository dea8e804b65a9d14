/** The line drawings of the viewer, 24 by 24, in the colour of the text around them. */
import type { JSX } from 'preact';

const DRAWINGS = {
  mark: '<rect x="3" y="3" width="18" height="18" rx="4"/><path d="M3 9.500h4.500M16.500 9.500H21M3 14.500h4.500M16.500 14.500H21"/><circle cx="12" cy="12" r="4.500"/><path d="M12 7.500v9"/>',
  list: '<path d="M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01"/>',
  keyboard: '<rect x="2.500" y="6" width="19" height="12" rx="2"/><path d="M6 10h.01M10 10h.01M14 10h.01M18 10h.01M8 14h8"/>',
  down: '<path d="m6 9.500 6 6 6-6"/>',
  up: '<path d="m6 14.500 6-6 6 6"/>',
  right: '<path d="m9.500 6 6 6-6 6"/>',
  left: '<path d="m14.500 6-6 6 6 6"/>',
  close: '<path d="M6 6l12 12M18 6 6 18"/>',
  search: '<circle cx="10.500" cy="10.500" r="6"/><path d="m15 15 5 5"/>',
  eye: '<path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z"/><circle cx="12" cy="12" r="2.800"/>',
  eye_off: '<path d="M4 4l16 16M9.500 5.900A8.700 8.700 0 0 1 12 5.500c6 0 9.500 6.500 9.500 6.500a17 17 0 0 1-2.900 3.600M6 7.700A16.500 16.500 0 0 0 2.500 12S6 18.500 12 18.500c1.400 0 2.700-.4 3.800-.9"/>',
  warn: '<path d="M12 4 2.500 20h19z"/><path d="M12 10v4.500M12 17.500h.01"/>',
  copy: '<rect x="8" y="8" width="12" height="12" rx="2"/><path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/>',
  check: '<path d="m5 12.500 4.500 4.500L19 7.500"/>',
  offline: '<path d="M3 3l18 18M8.500 16.500a5 5 0 0 1 6-.8M5 12.500a10 10 0 0 1 4-2.300M14 9.700a10 10 0 0 1 5 2.800M12 20h.01"/>',
  lock: '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
  document: '<path d="M6 3h9l4 4v14H6z"/><path d="M9.500 12h6M9.500 16h6"/>',
  download: '<path d="M12 4v11M8 11.500l4 3.500 4-3.500M5 20h14"/>',
  leave: '<path d="M14 4H6v16h8M10.500 12H21M17.500 8.500 21 12l-3.500 3.500"/>',
  key: '<circle cx="8" cy="15" r="4"/><path d="m11 12 8.500-8.500M16 7l3 3"/>',
  invert: '<rect x="4" y="4" width="16" height="16" rx="2"/><path fill="currentColor" stroke="none" d="M4 20 20 4v14a2 2 0 0 1-2 2z"/>',
  flip: '<path d="M12 3v18M9 7 4 17h5zM15 7l5 10h-5z"/>',
  rotate: '<path d="M19 12a7 7 0 1 1-2.200-5.100"/><path d="M19.500 3.500v4h-4"/>',
  reset: '<path d="M5 12a7 7 0 1 0 2.200-5.100"/><path d="M4.500 3.500v4h4"/><circle cx="12" cy="12" r="1" fill="currentColor"/>',
  play: '<path d="M8 5.500v13l10.500-6.500z"/>',
  pause: '<path d="M8 5.500v13M16 5.500v13"/>',
  window: '<circle cx="12" cy="12" r="8"/><path fill="currentColor" stroke="none" d="M12 4a8 8 0 0 1 0 16z"/>',
  pan: '<path d="M12 3v18M3 12h18M12 3 9.500 5.500M12 3l2.500 2.500M12 21l-2.500-2.500M12 21l2.500-2.500M3 12l2.500-2.500M3 12l2.500 2.500M21 12l-2.500-2.500M21 12l-2.500 2.500"/>',
  zoom: '<circle cx="10.500" cy="10.500" r="6"/><path d="m15 15 5 5M10.500 8v5M8 10.500h5"/>',
  scroll: '<rect x="6" y="8" width="12" height="8" rx="1.500"/><path d="M8 5h8M8 19h8"/>',
} as const;

export type IconName = keyof typeof DRAWINGS;

export function Icon({ name, size = '', tone = '' }: { name: IconName; size?: 's' | 'l' | ''; tone?: string }): JSX.Element {
  return (
    <svg
      class={`i ${size} ${tone}`}
      viewBox="0 0 24 24"
      aria-hidden="true"
      // The drawings are literals of this file; nothing from outside reaches them.
      dangerouslySetInnerHTML={{ __html: DRAWINGS[name] }}
    />
  );
}
