/** What the viewer must know about the syntax an instance is stored in. */

export const RLE_LOSSLESS = '1.2.840.10008.1.2.5';

const JPEG_FAMILY = '1.2.840.10008.1.2.4.';
const EARLIER_PART_OF_VIDEO = 100;
const LAST_PART_OF_VIDEO = 109;

/** MPEG-2, MPEG-4 and HEVC: 1.2.840.10008.1.2.4.100 to .108, with or without `.1` for fragmentable. */
export function isVideo(transferSyntaxUid: string): boolean {
  const part = Number(jpegFamilyPart(transferSyntaxUid));
  return part >= EARLIER_PART_OF_VIDEO && part <= LAST_PART_OF_VIDEO;
}

/** JPEG, JPEG-LS, JPEG 2000, HTJ2K and JPEG XL: the archive decodes their colour images to RGB. */
export function isJpegFamily(transferSyntaxUid: string): boolean {
  return transferSyntaxUid.startsWith(JPEG_FAMILY) && !isVideo(transferSyntaxUid);
}

function jpegFamilyPart(transferSyntaxUid: string): string {
  return transferSyntaxUid.startsWith(JPEG_FAMILY) ? (transferSyntaxUid.slice(JPEG_FAMILY.length).split('.')[0] ?? '') : '';
}

/** Syntaxes that cannot keep every pixel value. Those that may or may not (J2K, HTJ2K) are not here. */
const LOSSY: ReadonlySet<string> = new Set([
  '1.2.840.10008.1.2.4.50', // JPEG Baseline
  '1.2.840.10008.1.2.4.51', // JPEG Extended
  '1.2.840.10008.1.2.4.53', // JPEG Spectral Selection (retired)
  '1.2.840.10008.1.2.4.55', // JPEG Full Progression (retired)
  '1.2.840.10008.1.2.4.81', // JPEG-LS near-lossless
  '1.2.840.10008.1.2.4.111', // JPEG XL JPEG Recompression: what it holds is a lossy JPEG
]);

export function isAlwaysLossy(transferSyntaxUid: string): boolean {
  return LOSSY.has(transferSyntaxUid) || isVideo(transferSyntaxUid);
}
