/** Which kinds of object hold no picture that a canvas can show, and what to call them. */

export type ObjectKind =
  | 'report'
  | 'key_objects'
  | 'document'
  | 'presentation'
  | 'radiotherapy'
  | 'waveform'
  | 'mesh'
  | 'raw'
  | 'annotation'
  | 'video'
  | 'no_pixels';

const STORAGE = '1.2.840.10008.5.1.4.1.1.';

/** UID prefixes, the first that fits is taken. */
const KINDS: ReadonlyArray<readonly [string, ObjectKind]> = [
  ['88.59', 'key_objects'],
  ['88.', 'report'],
  ['104.3', 'mesh'],
  ['104.4', 'mesh'],
  ['104.5', 'mesh'],
  ['104.', 'document'],
  ['11.', 'presentation'],
  ['481.3', 'radiotherapy'],
  ['481.4', 'radiotherapy'],
  ['481.5', 'radiotherapy'],
  ['481.6', 'radiotherapy'],
  ['481.7', 'radiotherapy'],
  ['481.8', 'radiotherapy'],
  ['481.9', 'radiotherapy'],
  ['481.1', 'radiotherapy'],
  ['9.', 'waveform'],
  ['66.5', 'mesh'],
  ['66', 'raw'],
  ['68.', 'mesh'],
  ['91.1', 'annotation'],
];

/** What kind of non-image an instance without Rows and Columns is. */
export function kindOfObject(sopClassUid: string): ObjectKind {
  if (!sopClassUid.startsWith(STORAGE)) return 'no_pixels';
  const part = sopClassUid.slice(STORAGE.length);
  return KINDS.find(([prefix]) => part.startsWith(prefix))?.[1] ?? 'no_pixels';
}
