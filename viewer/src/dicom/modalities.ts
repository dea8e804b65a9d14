/** Which modality codes (PS3.16 CID 29) stand for images, and which for what is derived from them. */

const WITHOUT_PICTURE: ReadonlySet<string> = new Set(['SR', 'KO', 'PR', 'DOC', 'RTPLAN', 'RTSTRUCT', 'RTRECORD', 'ECG', 'EPS', 'HD', 'AU', 'ANN', 'REG', 'FID', 'PLAN']);
const DERIVED: ReadonlySet<string> = new Set([...WITHOUT_PICTURE, 'SEG', 'RTDOSE', 'RTIMAGE', 'OT']);

/** The modality of the machine first, then what was derived. */
export function imagesFirst(codes: readonly string[]): string[] {
  return [...codes.filter((code) => !DERIVED.has(code)), ...codes.filter((code) => DERIVED.has(code))];
}

/** True when it is worth asking for a thumbnail. */
export function mayHavePicture(codes: readonly string[]): boolean {
  return codes.length === 0 || codes.some((code) => !WITHOUT_PICTURE.has(code));
}
