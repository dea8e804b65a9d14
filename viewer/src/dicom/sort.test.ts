import { describe, expect, it } from 'vitest';
import { planeOrientation, type Vector } from './orientation';
import { commonNormal, sortFrames, type Sortable } from './sort';

const AXIAL = planeOrientation([1, 0, 0, 0, 1, 0]);
const CORONAL = planeOrientation([1, 0, 0, 0, 0, -1]);

function slice(instanceNumber: number | null, z: number | null, more: Partial<Sortable> = {}): Sortable {
  const position: Vector | null = z === null ? null : [0, 0, z];
  return { instanceNumber, frameNumber: 1, sopInstanceUid: `1.${instanceNumber}.${z}`, position, orientation: AXIAL, ...more };
}
const depths = (frames: readonly Sortable[]): Array<number | undefined> => frames.map(({ position }) => position?.[2]);

describe('slices with one orientation', () => {
  it('lie along their normal, whatever their numbers say', () => {
    const mixed = [slice(1, 0), slice(3, 10), slice(2, 20), slice(4, 30)];
    expect(depths(sortFrames(mixed))).toEqual([0, 10, 20, 30]);
  });

  it('begin where the machine began', () => {
    const downwards = [slice(1, 30), slice(2, 20), slice(3, 10)];
    expect(depths(sortFrames([...downwards].reverse()))).toEqual([30, 20, 10]);
  });

  it('may be unevenly spaced and tilted', () => {
    const tilted = planeOrientation([1, 0, 0, 0, 0.948, -0.317]);
    const frames = [5, 1, 3].map((n) => slice(n, n * n, { orientation: tilted, position: [0, n, n * n] }));
    expect(sortFrames(frames).map((frame) => frame.instanceNumber)).toEqual([1, 3, 5]);
  });

  it('follow one another pass by pass when places repeat', () => {
    // Two volumes, sent interleaved: A1 B1 A2 B2, where the machine went through all places twice.
    const first = [0, 5, 10].map((z, i) => slice(i + 1, z));
    const second = [0, 5, 10].map((z, i) => slice(i + 4, z));
    const sorted = sortFrames([first[0]!, second[0]!, first[1]!, second[1]!, first[2]!, second[2]!]);
    expect(sorted.map((frame) => frame.instanceNumber)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('stay together when the machine finished each place before the next', () => {
    const cine = [0, 0, 0, 8, 8, 8].map((z, i) => slice(i + 1, z));
    expect(sortFrames([...cine].reverse()).map((frame) => frame.instanceNumber)).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('images without a common plane', () => {
  it('go by number when orientations differ', () => {
    const scouts = [slice(2, 0, { orientation: CORONAL }), slice(1, 50)];
    expect(sortFrames(scouts).map((frame) => frame.instanceNumber)).toEqual([1, 2]);
  });

  it('go by number, then frame, when they have no position', () => {
    const frames = [slice(2, null), slice(1, null, { frameNumber: 2 }), slice(1, null, { frameNumber: 1 })];
    expect(sortFrames(frames).map(({ instanceNumber, frameNumber }) => [instanceNumber, frameNumber])).toEqual([[1, 1], [1, 2], [2, 1]]);
  });

  it('come last without a number, in the order of their UIDs', () => {
    const frames = [slice(null, null, { sopInstanceUid: '1.9' }), slice(null, null, { sopInstanceUid: '1.10' }), slice(7, null)];
    expect(sortFrames(frames).map((frame) => frame.sopInstanceUid)).toEqual(['1.7.null', '1.10', '1.9']);
  });

  it('have no common normal', () => {
    expect(commonNormal([slice(1, 0), slice(2, null)])).toBeNull();
    expect(commonNormal([])).toBeNull();
  });
});

it('loses no frame and adds none', () => {
  const frames = [9, 3, 3, 7, 1].map((z, i) => slice(i, z));
  expect(new Set(sortFrames(frames))).toEqual(new Set(frames));
});
