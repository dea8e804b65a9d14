/** Turns the bytes of a frame into screen pixels. Paints, never fetches. */
import type { FrameSlide } from '../dicom/frames';
import { modalityRange, paintGray, type GrayRecipe } from '../dicom/gray_table';
import { paletteOf } from '../dicom/lookup_tables';
import { paletteColour } from '../dicom/palette';
import { fromPattern, readColour, readGray, type ColourPixels, type GrayPixels } from '../dicom/pixels';
import { fullRangeWindow, type LookupTable, type Window } from '../dicom/voi';

/** A frame whose samples have been read. */
export type ReadFrame =
  | { readonly kind: 'gray'; readonly slide: FrameSlide; readonly pixels: GrayPixels; readonly fullRange: Window }
  | { readonly kind: 'colour'; readonly slide: FrameSlide; readonly pixels: ColourPixels };

/** The frame is PALETTE COLOR and has no palette we can read. */
export class PaletteMissing extends Error {}

export function readFrame(slide: FrameSlide, bytes: ArrayBuffer): ReadFrame {
  if (slide.layout.samplesPerPixel >= 3) return { kind: 'colour', slide, pixels: readColour(bytes, slide.layout) };
  const pixels = readGray(bytes, slide.layout);
  if (slide.layout.photometric === 'PALETTE COLOR') return { kind: 'colour', slide, pixels: throughPalette(slide, pixels) };
  return { kind: 'gray', slide, pixels, fullRange: fullRangeOf(slide, pixels) };
}

function fullRangeOf(slide: FrameSlide, pixels: GrayPixels): Window {
  // One bit says in or out: a frame that is all "in" is white, not the middle of its own range.
  if (slide.layout.bitsStored === 1) return fullRangeWindow(0, 1);
  const range = modalityRange(pixels, slide.layout, slide);
  return fullRangeWindow(range?.minimum ?? 0, range?.maximum ?? 1);
}

function throughPalette(slide: FrameSlide, pixels: GrayPixels): ColourPixels {
  const palette = paletteOf(slide.dataset);
  if (!palette) throw new PaletteMissing(slide.sopInstanceUid);
  const { signed, bitsStored } = slide.layout;
  const rgba = Uint32Array.from(pixels.values, (raw) => paletteColour(palette, fromPattern(raw, bitsStored, signed)));
  return { rows: pixels.rows, columns: pixels.columns, rgba };
}

/** Paints a frame into a canvas of exactly its own size. */
export function paintFrame(frame: ReadFrame, canvas: HTMLCanvasElement, voi: Window | LookupTable, inverted: boolean): void {
  const { rows, columns } = frame.pixels;
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const image = imageFor(canvas, columns, rows);
  const out = new Uint32Array(image.data.buffer);
  if (frame.kind === 'gray') paintGray(frame.pixels, frame.slide.layout, recipe(frame.slide, voi, inverted), out);
  else paintColour(frame.pixels, out, inverted);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

/** A mammogram needs 30 MB here: asked for once, not at each step of a drag. */
const images = new WeakMap<HTMLCanvasElement, ImageData>();

function imageFor(canvas: HTMLCanvasElement, width: number, height: number): ImageData {
  const kept = images.get(canvas);
  if (kept?.width === width && kept.height === height) return kept;
  const image = new ImageData(width, height);
  images.set(canvas, image);
  return image;
}

function recipe(slide: FrameSlide, voi: Window | LookupTable, inverted: boolean): GrayRecipe {
  const inverse = (slide.layout.photometric === 'MONOCHROME1') !== inverted;
  return { modality: slide.modality, voi, inverse, padding: slide.padding };
}

function paintColour({ rgba }: ColourPixels, out: Uint32Array, inverted: boolean): void {
  if (!inverted) return out.set(rgba);
  for (let i = 0; i < out.length; i++) out[i] = (rgba[i]! ^ 0x00ffffff) >>> 0;
}
