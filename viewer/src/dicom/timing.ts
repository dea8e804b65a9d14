/** How long each frame of a cine loop stands (PS3.3 C.7.6.5). */
import { number, numbers, type DicomJson } from './json';
import * as tag from './tags';

/** For stacks of single images, where no machine says how fast to look. */
export const STACK_FRAME_MS = 1000 / 15;

/** Limits of what is worth playing: faster is not shown by any screen, slower is not a movie. */
const SHORTEST_MS = 1000 / 120;
const LONGEST_MS = 5000;

/** Milliseconds until the next frame, for each frame of one instance. */
export function frameDurationsMs(instance: DicomJson, frameCount: number): number[] {
  const vector = numbers(instance, tag.FrameTimeVector);
  if (vector.length === frameCount && frameCount > 1) return durationsOfVector(vector);
  const rate = number(instance, tag.RecommendedDisplayFrameRate) ?? number(instance, tag.CineRate);
  const time = number(instance, tag.FrameTime) || (rate ? 1000 / rate : null);
  return new Array<number>(frameCount).fill(bounded(time ?? STACK_FRAME_MS));
}

/** Frame Time Vector holds the increment *before* each frame; the last frame stands as long as the one before. */
function durationsOfVector(vector: readonly number[]): number[] {
  const increments = vector.slice(1).map(bounded);
  return [...increments, increments.at(-1) ?? STACK_FRAME_MS];
}

function bounded(milliseconds: number): number {
  if (!(milliseconds > 0)) return STACK_FRAME_MS;
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, milliseconds));
}
