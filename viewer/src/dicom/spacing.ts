/** How far apart pixels are, and how sure that is. */
import { number, numbers, text, type DicomJson } from './json';
import * as tag from './tags';

export interface Spacing {
  /** Between rows (down) and between columns (across), in millimetres. */
  readonly rowMm: number;
  readonly columnMm: number;
  /** In the patient, or on the detector in front of which the patient stood. */
  readonly where: 'patient' | 'detector';
}

/** The spacing of an image, or null: then nothing may be measured in millimetres. */
export function spacingOf(dataset: DicomJson, measures: DicomJson = {}): Spacing | null {
  const patient = pair(measures, tag.PixelSpacing) ?? pair(dataset, tag.PixelSpacing);
  const detector = pair(dataset, tag.ImagerPixelSpacing);
  if (patient) {
    // Equal to the detector's, and nobody calibrated: it is the detector's (PS3.3 10.7.1).
    const copied = detector !== null && equal(patient, detector) && !text(dataset, tag.PixelSpacingCalibrationType);
    return { ...patient, where: copied ? 'detector' : 'patient' };
  }
  return detector && { ...detector, where: 'detector' };
}

/** Height of a pixel divided by its width: 1 for square ones. */
export function pixelAspect(dataset: DicomJson, spacing: Spacing | null): number {
  if (spacing) return spacing.rowMm / spacing.columnMm;
  const [vertical, horizontal] = numbers(dataset, tag.PixelAspectRatio);
  return vertical && horizontal && vertical > 0 && horizontal > 0 ? vertical / horizontal : 1;
}

export function sliceThicknessMm(dataset: DicomJson, measures: DicomJson = {}): number | null {
  return number(measures, tag.SliceThickness) ?? number(dataset, tag.SliceThickness);
}

function pair(dataset: DicomJson, name: string): { rowMm: number; columnMm: number } | null {
  const [rowMm, columnMm] = numbers(dataset, name);
  return rowMm && columnMm && rowMm > 0 && columnMm > 0 ? { rowMm, columnMm } : null;
}

function equal(a: { rowMm: number; columnMm: number }, b: { rowMm: number; columnMm: number }): boolean {
  return a.rowMm === b.rowMm && a.columnMm === b.columnMm;
}
