import { expect, it } from 'vitest';
import type { DicomJson } from './json';
import { frameDurationsMs, STACK_FRAME_MS } from './timing';

const ds = (values: Record<string, unknown[]>): DicomJson =>
  Object.fromEntries(Object.entries(values).map(([tag, Value]) => [tag, { vr: 'DS', Value }]));

it('takes the frame time before a recommended rate', () => {
  expect(frameDurationsMs(ds({ '00181063': [40], '00082144': [10] }), 2)).toEqual([40, 40]);
});

it('takes the recommended rate before the acquired one', () => {
  expect(frameDurationsMs(ds({ '00082144': [10], '00180040': [30] }), 2)).toEqual([100, 100]);
  expect(frameDurationsMs(ds({ '00180040': [25] }), 1)).toEqual([40]);
});

it('gives each frame its own time from a vector, whose values come before the frames', () => {
  expect(frameDurationsMs(ds({ '00181065': [0, 30, 50] }), 3)).toEqual([30, 50, 50]);
});

it('falls back where times are missing or absurd', () => {
  expect(frameDurationsMs({}, 1)).toEqual([STACK_FRAME_MS]);
  expect(frameDurationsMs(ds({ '00181063': [0] }), 1)).toEqual([STACK_FRAME_MS]);
  expect(frameDurationsMs(ds({ '00181063': [0.001] }), 1)[0]).toBeGreaterThan(8);
});
