/** Reads values out of the DICOM JSON model (PS3.18 F.2) without trusting that they are there. */

export interface Attribute {
  vr: string;
  Value?: unknown[];
  InlineBinary?: string;
  BulkDataURI?: string;
}

/** One data set, or one item of a sequence. */
export type DicomJson = Readonly<Record<string, Attribute>>;

export function text(dataset: DicomJson, tag: string): string {
  return texts(dataset, tag)[0] ?? '';
}

export function texts(dataset: DicomJson, tag: string): string[] {
  return (dataset[tag]?.Value ?? []).map((value) => (value == null ? '' : String(value).trim()));
}

export function number(dataset: DicomJson, tag: string): number | null {
  return numbers(dataset, tag)[0] ?? null;
}

/** The values that are numbers; DS and IS may travel as numbers or as strings. */
export function numbers(dataset: DicomJson, tag: string): number[] {
  return (dataset[tag]?.Value ?? [])
    .filter((value) => value !== null && value !== '')
    .map(Number)
    .filter(Number.isFinite);
}

export function items(dataset: DicomJson, tag: string): DicomJson[] {
  return (dataset[tag]?.Value ?? []).filter((item): item is DicomJson => item !== null && typeof item === 'object');
}

/** A person name in its stored form, groups joined by `=`. */
export function personName(dataset: DicomJson, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  if (typeof value === 'string') return value;
  const groups = (value ?? {}) as { Alphabetic?: string; Ideographic?: string; Phonetic?: string };
  return [groups.Alphabetic ?? '', groups.Ideographic ?? '', groups.Phonetic ?? '']
    .join('=')
    .replace(/=+$/, '');
}

/** The bytes of an attribute sent inline, or null. */
export function inlineBytes(attribute: Attribute | undefined): Uint8Array | null {
  if (!attribute?.InlineBinary) return null;
  return Uint8Array.from(atob(attribute.InlineBinary), (character) => character.charCodeAt(0));
}
