import { describe, expect, it } from 'vitest';
import { FIT, fitScale, flippedOnScreen, imageToCanvas, panned, toCanvas, toImage, turned, zoomedAt, type ImagePoint } from './geometry';

const IMAGE = { columns: 512, rows: 256, aspect: 1 };
const CANVAS = { width: 1024, height: 1024 };
const at = (x: number, y: number): ImagePoint => ({ space: 'image', x, y });
const MIDDLE = at(256, 128);

describe('fitting', () => {
  it('fits the longer side and centres the other', () => {
    const matrix = imageToCanvas(IMAGE, CANVAS, FIT);
    expect(fitScale(IMAGE, CANVAS, 0)).toBe(2);
    expect(toCanvas(matrix, at(0, 0))).toMatchObject({ x: 0, y: 256 });
    expect(toCanvas(matrix, at(512, 256))).toMatchObject({ x: 1024, y: 768 });
  });

  it('respects pixels that are not square', () => {
    const tall = { ...IMAGE, aspect: 4 };
    expect(fitScale(tall, CANVAS, 0)).toBe(1);
    expect(toCanvas(imageToCanvas(tall, CANVAS, FIT), at(0, 256))).toMatchObject({ x: 256, y: 1024 });
  });

  it('fits a lying image to its own width', () => {
    expect(fitScale(IMAGE, { width: 256, height: 1024 }, 1)).toBe(1);
  });
});

describe('turning and flipping', () => {
  it('turns the top left corner to the top right', () => {
    const corner = toCanvas(imageToCanvas(IMAGE, CANVAS, turned(FIT)), at(0, 0));
    expect(corner).toMatchObject({ x: 768, y: 0 });
  });

  it('comes back after four turns', () => {
    const view = [1, 2, 3, 4].reduce(turned, panned(FIT, 10, -20));
    expect(imageToCanvas(IMAGE, CANVAS, view)).toEqual(imageToCanvas(IMAGE, CANVAS, panned(FIT, 10, -20)));
  });

  it('exchanges left and right on the screen, however the image lies', () => {
    for (const view of [FIT, turned(FIT), turned(turned(FIT)), panned(turned(FIT), 30, 7)]) {
      const before = toCanvas(imageToCanvas(IMAGE, CANVAS, view), at(10, 20));
      const after = toCanvas(imageToCanvas(IMAGE, CANVAS, flippedOnScreen(view)), at(10, 20));
      expect(after.x).toBeCloseTo(CANVAS.width - before.x, 6);
      expect(after.y).toBeCloseTo(before.y, 6);
    }
  });
});

describe('zooming', () => {
  it('keeps what lies under the pointer', () => {
    const pointer = { space: 'canvas', x: 300, y: 700 } as const;
    const under = toImage(imageToCanvas(IMAGE, CANVAS, FIT), pointer);
    const zoomed = zoomedAt(FIT, CANVAS, 3, pointer);
    expect(toCanvas(imageToCanvas(IMAGE, CANVAS, zoomed), under).x).toBeCloseTo(300, 6);
    expect(toCanvas(imageToCanvas(IMAGE, CANVAS, zoomed), under).y).toBeCloseTo(700, 6);
  });

  it('stays within reason', () => {
    const middle = { space: 'canvas', x: 512, y: 512 } as const;
    expect(zoomedAt(FIT, CANVAS, 1e9, middle).zoom).toBe(40);
    expect(zoomedAt(FIT, CANVAS, 1e-9, middle).zoom).toBe(0.2);
  });
});

it('goes from image to canvas and back without loss', () => {
  const view = zoomedAt(flippedOnScreen(turned(panned(FIT, 13, 5))), CANVAS, 1.7, { space: 'canvas', x: 100, y: 90 });
  const matrix = imageToCanvas({ ...IMAGE, aspect: 1.3 }, CANVAS, view);
  const back = toImage(matrix, toCanvas(matrix, MIDDLE));
  expect(back.x).toBeCloseTo(256, 6);
  expect(back.y).toBeCloseTo(128, 6);
});
