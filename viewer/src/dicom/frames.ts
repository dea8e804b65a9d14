/** Unfolds the instances of a series into the slides a reader scrolls through. */
import type { ModalityTransform, Padding } from './gray_table';
import { items, number, numbers, text, texts, type DicomJson } from './json';
import { readLookupTable } from './lookup_tables';
import { planeOrientation, type PlaneOrientation, type Vector } from './orientation';
import type { PixelLayout, SampleKind } from './pixels';
import { kindOfObject, type ObjectKind } from './sop_classes';
import { pixelAspect, sliceThicknessMm, spacingOf, type Spacing } from './spacing';
import * as tag from './tags';
import { frameDurationsMs } from './timing';
import { isAlwaysLossy, isJpegFamily, isVideo, RLE_LOSSLESS } from './transfer_syntaxes';
import { usableWindow, type Voi } from './voi';

interface Slide {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly instanceNumber: number | null;
  /** From 1, as in DICOM. */
  readonly frameNumber: number;
  readonly position: Vector | null;
  readonly orientation: PlaneOrientation | null;
  readonly dataset: DicomJson;
}

/** One frame that can be painted. */
export interface FrameSlide extends Slide {
  readonly kind: 'frame';
  readonly frameCount: number;
  readonly layout: PixelLayout;
  readonly modality: ModalityTransform;
  readonly vois: readonly Voi[];
  readonly padding: Padding | null;
  readonly spacing: Spacing | null;
  readonly aspect: number;
  readonly thicknessMm: number | null;
  readonly durationMs: number;
  readonly lossy: Lossy | null;
}

/** One instance that holds no picture for a canvas. */
export interface ObjectSlide extends Slide {
  readonly kind: 'object';
  readonly reason: ObjectKind;
}

export type AnySlide = FrameSlide | ObjectSlide;

export interface Lossy {
  /** How many times smaller, or null when nobody wrote it down. */
  readonly ratio: number | null;
}

/** The slides of one instance, in frame order. */
export function unfold(instance: DicomJson): AnySlide[] {
  const reason = unshowable(instance);
  if (reason) return [objectSlide(instance, reason)];
  const frameCount = Math.max(1, number(instance, tag.NumberOfFrames) ?? 1);
  const durations = frameDurationsMs(instance, frameCount);
  const shared = sharedParts(instance, frameCount);
  return durations.map((durationMs, index) => frameSlide(instance, index + 1, durationMs, shared));
}

function unshowable(instance: DicomJson): ObjectKind | null {
  if (isVideo(storedSyntax(instance))) return 'video';
  const hasPixels = number(instance, tag.Rows) && number(instance, tag.Columns) && number(instance, tag.BitsAllocated);
  return hasPixels ? null : kindOfObject(text(instance, tag.SOPClassUID));
}

export function storedSyntax(instance: DicomJson): string {
  return text(instance, tag.AvailableTransferSyntaxUID) || text(instance, tag.TransferSyntaxUID);
}

function identity(instance: DicomJson): Pick<Slide, 'sopInstanceUid' | 'sopClassUid' | 'instanceNumber' | 'dataset'> {
  return {
    sopInstanceUid: text(instance, tag.SOPInstanceUID),
    sopClassUid: text(instance, tag.SOPClassUID),
    instanceNumber: number(instance, tag.InstanceNumber),
    dataset: instance,
  };
}

function objectSlide(instance: DicomJson, reason: ObjectKind): ObjectSlide {
  return { kind: 'object', ...identity(instance), frameNumber: 1, position: null, orientation: null, reason };
}

type SharedParts = Pick<FrameSlide, 'frameCount' | 'layout' | 'padding' | 'lossy'>;

function sharedParts(instance: DicomJson, frameCount: number): SharedParts {
  return { frameCount, layout: layoutOf(instance), padding: paddingOf(instance), lossy: lossyOf(instance) };
}

function frameSlide(instance: DicomJson, frameNumber: number, durationMs: number, shared: SharedParts): FrameSlide {
  const measures = functionalGroup(instance, frameNumber, tag.PixelMeasuresSequence);
  const place = functionalGroup(instance, frameNumber, tag.PlanePositionSequence);
  const plane = functionalGroup(instance, frameNumber, tag.PlaneOrientationSequence);
  const values = functionalGroup(instance, frameNumber, tag.PixelValueTransformationSequence);
  const voi = functionalGroup(instance, frameNumber, tag.FrameVOILUTSequence);
  const spacing = spacingOf(instance, measures);
  return {
    kind: 'frame',
    ...identity(instance),
    ...shared,
    frameNumber,
    durationMs,
    position: positionOf(place) ?? positionOf(instance),
    orientation: orientationOf(plane) ?? orientationOf(instance),
    modality: modalityTransform(instance, values),
    vois: voisOf(hasWindow(voi) ? voi : instance),
    spacing,
    aspect: pixelAspect(instance, spacing),
    thicknessMm: sliceThicknessMm(instance, measures),
  };
}

/** What a macro says of a frame: for this frame alone, else for all (PS3.3 C.7.6.16), else nothing. */
export function functionalGroup(instance: DicomJson, frameNumber: number, macro: string): DicomJson {
  const own = items(instance, tag.PerFrameFunctionalGroupsSequence)[frameNumber - 1];
  const shared = items(instance, tag.SharedFunctionalGroupsSequence)[0];
  return (own && items(own, macro)[0]) ?? (shared && items(shared, macro)[0]) ?? {};
}

/** How the archive sends the frames: JPEG colour comes decoded to RGB, RLE colour by pixel, native as stored. */
export function layoutOf(instance: DicomJson): PixelLayout {
  const syntax = storedSyntax(instance);
  const samplesPerPixel = number(instance, tag.SamplesPerPixel) ?? 1;
  const bitsAllocated = number(instance, tag.BitsAllocated) ?? 8;
  const bitsStored = Math.min(bitsAllocated, number(instance, tag.BitsStored) ?? bitsAllocated);
  const decoded = isJpegFamily(syntax);
  const interleaved = decoded || syntax === RLE_LOSSLESS;
  return {
    rows: number(instance, tag.Rows) ?? 0,
    columns: number(instance, tag.Columns) ?? 0,
    samplesPerPixel,
    bitsAllocated,
    bitsStored,
    highBit: number(instance, tag.HighBit) ?? bitsStored - 1,
    signed: number(instance, tag.PixelRepresentation) === 1,
    kind: sampleKind(instance, bitsAllocated),
    photometric: decoded && samplesPerPixel === 3 ? 'RGB' : text(instance, tag.PhotometricInterpretation) || 'MONOCHROME2',
    planar: !interleaved && number(instance, tag.PlanarConfiguration) === 1,
  };
}

/** Float pixel data has no Pixel Representation (PS3.3 C.7.6.24), integers always do. */
function sampleKind(instance: DicomJson, bitsAllocated: number): SampleKind {
  const integer = instance[tag.PixelRepresentation] !== undefined;
  if (bitsAllocated === 64 || instance[tag.DoubleFloatPixelData]) return 'double';
  return bitsAllocated === 32 && !integer ? 'float' : 'integer';
}

function paddingOf(instance: DicomJson): Padding | null {
  const value = number(instance, tag.PixelPaddingValue);
  if (value === null) return null;
  const limit = number(instance, tag.PixelPaddingRangeLimit) ?? value;
  return { from: Math.min(value, limit), to: Math.max(value, limit) };
}

function lossyOf(instance: DicomJson): Lossy | null {
  const said = text(instance, tag.LossyImageCompression) === '01';
  if (!said && !isAlwaysLossy(storedSyntax(instance))) return null;
  // One ratio per successive compression; the last is the one in force.
  return { ratio: numbers(instance, tag.LossyImageCompressionRatio).at(-1) ?? null };
}

function positionOf(dataset: DicomJson): Vector | null {
  const [x, y, z] = numbers(dataset, tag.ImagePositionPatient);
  return x === undefined || y === undefined || z === undefined ? null : [x, y, z];
}

function orientationOf(dataset: DicomJson): PlaneOrientation | null {
  return planeOrientation(numbers(dataset, tag.ImageOrientationPatient));
}

function modalityTransform(instance: DicomJson, values: DicomJson): ModalityTransform {
  const table = items(instance, tag.ModalityLUTSequence)[0];
  const read = table && readLookupTable(table);
  if (read) return { kind: 'table', table: read };
  const slope = number(values, tag.RescaleSlope) ?? number(instance, tag.RescaleSlope) ?? number(instance, tag.DoseGridScaling);
  const intercept = number(values, tag.RescaleIntercept) ?? number(instance, tag.RescaleIntercept);
  // A slope of zero would paint every image one grey; machines that write it mean "none".
  return { kind: 'line', slope: slope || 1, intercept: intercept ?? 0 };
}

function hasWindow(dataset: DicomJson): boolean {
  return number(dataset, tag.WindowCenter) !== null || items(dataset, tag.VOILUTSequence).length > 0;
}

/** The display suggestions of the machine: its windows, then its tables. */
function voisOf(dataset: DicomJson): Voi[] {
  const explanations = texts(dataset, tag.WindowCenterWidthExplanation);
  const widths = numbers(dataset, tag.WindowWidth);
  const name = text(dataset, tag.VOILUTFunction);
  const windows = numbers(dataset, tag.WindowCenter).flatMap((center, i): Voi[] => {
    const window = usableWindow(center, widths[i] ?? NaN, name);
    return window ? [{ kind: 'window', window, explanation: explanations[i] ?? '' }] : [];
  });
  const tables = items(dataset, tag.VOILUTSequence).flatMap((item): Voi[] => {
    const table = readLookupTable(item);
    return table ? [{ kind: 'table', table, explanation: text(item, tag.LUTExplanation) }] : [];
  });
  // A table was made for this very image, a window is often a leftover: the table goes first.
  return [...tables, ...windows];
}
