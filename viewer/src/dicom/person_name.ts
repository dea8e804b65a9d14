/** Shows a DICOM person name (PS3.5 6.2.1) the way it is said: family name first. */

/** `ĐẶNG^THỊ NGỌC ÁNH` as ĐẶNG THỊ NGỌC ÁNH; an ideographic group follows in brackets. */
export function formatPersonName(stored: string | null | undefined): string {
  const [alphabetic = '', ideographic = ''] = (stored ?? '').split('=').map(formatGroup);
  if (!alphabetic) return ideographic;
  return ideographic ? `${alphabetic} (${ideographic})` : alphabetic;
}

/** Family, given and middle name as stored; a title goes before, an academic suffix after. */
function formatGroup(group: string): string {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^');
  return [prefix, family, given, middle, suffix]
    .map((component) => component.replace(/\s+/g, ' ').trim())
    .filter(Boolean)
    .join(' ');
}

/** The first letters of the first and last word, for a small round sign. */
export function initials(name: string): string {
  const words = name.replace(/[.,()]/g, ' ').trim().split(/\s+/).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen.map((word) => word?.normalize('NFC').charAt(0) ?? '').join('').toLocaleUpperCase('vi');
}
