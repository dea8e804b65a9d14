/** Where the pixels of an image lie on the canvas, and back. */

/** A place in the image: pixels from its top left corner. */
export interface ImagePoint {
  readonly space: 'image';
  readonly x: number;
  readonly y: number;
}

/** A place on the canvas: CSS pixels from its top left corner. */
export interface CanvasPoint {
  readonly space: 'canvas';
  readonly x: number;
  readonly y: number;
}

export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** The pixels of an image, and how much higher than wide each one is. */
export interface ImageExtent {
  readonly columns: number;
  readonly rows: number;
  readonly aspect: number;
}

export interface View {
  /** 1 fits the whole image into the canvas. */
  readonly zoom: number;
  /** Of the image's middle from the canvas' middle, in CSS pixels. */
  readonly panX: number;
  readonly panY: number;
  /** Clockwise. */
  readonly quarterTurns: number;
  /** Left and right exchanged, before turning. */
  readonly flipped: boolean;
}

export const FIT: View = { zoom: 1, panX: 0, panY: 0, quarterTurns: 0, flipped: false };

const SMALLEST_ZOOM = 0.2;
const LARGEST_ZOOM = 40;

/** Canvas pixels per image column when the whole image fits. */
export function fitScale(image: ImageExtent, canvas: Extent, quarterTurns: number): number {
  const lying = quarterTurns % 2 !== 0;
  const width = lying ? image.rows * image.aspect : image.columns;
  const height = lying ? image.columns : image.rows * image.aspect;
  return Math.min(canvas.width / width, canvas.height / height);
}

/** The six numbers of a canvas transform (a, b, c, d, e, f) from image to canvas. */
export type Matrix = readonly [number, number, number, number, number, number];

export function imageToCanvas(image: ImageExtent, canvas: Extent, view: View): Matrix {
  const scale = fitScale(image, canvas, view.quarterTurns) * view.zoom;
  const across = view.flipped ? -scale : scale;
  const down = scale * image.aspect;
  const [cos, sin] = QUARTERS[((view.quarterTurns % 4) + 4) % 4]!;
  const [a, b, c, d] = [cos * across, sin * across, -sin * down, cos * down];
  const middleX = canvas.width / 2 + view.panX;
  const middleY = canvas.height / 2 + view.panY;
  const [x, y] = [image.columns / 2, image.rows / 2];
  return [a, b, c, d, middleX - (a * x + c * y), middleY - (b * x + d * y)];
}

/** Cosine and sine of whole quarter turns, exact. */
const QUARTERS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

export function toCanvas([a, b, c, d, e, f]: Matrix, point: ImagePoint): CanvasPoint {
  return { space: 'canvas', x: a * point.x + c * point.y + e, y: b * point.x + d * point.y + f };
}

export function toImage([a, b, c, d, e, f]: Matrix, point: CanvasPoint): ImagePoint {
  const determinant = a * d - b * c;
  const [x, y] = [point.x - e, point.y - f];
  return { space: 'image', x: (d * x - c * y) / determinant, y: (a * y - b * x) / determinant };
}

/** Zooms so that what lies under `at` stays there. */
export function zoomedAt(view: View, canvas: Extent, factor: number, at: CanvasPoint): View {
  const zoom = Math.min(LARGEST_ZOOM, Math.max(SMALLEST_ZOOM, view.zoom * factor));
  const grown = zoom / view.zoom;
  const [dx, dy] = [at.x - canvas.width / 2, at.y - canvas.height / 2];
  return { ...view, zoom, panX: dx - (dx - view.panX) * grown, panY: dy - (dy - view.panY) * grown };
}

export function panned(view: View, right: number, down: number): View {
  return { ...view, panX: view.panX + right, panY: view.panY + down };
}

/** Exchanges left and right as they are on the screen now. */
export function flippedOnScreen(view: View): View {
  // A flip before turning is a flip on the screen only when the image stands; lying, it turns the other way.
  return { ...view, flipped: !view.flipped, quarterTurns: (4 - view.quarterTurns) % 4, panX: -view.panX };
}

export function turned(view: View): View {
  return { ...view, quarterTurns: (view.quarterTurns + 1) % 4, panX: -view.panY, panY: view.panX };
}
