/** In which order the frames of a stack are fetched, and what may stay in memory. */

/** All indices, nearest to `current` first, leaning towards where the reader is going. */
export function outward(current: number, count: number, direction: 1 | -1): number[] {
  const order = current >= 0 && current < count ? [current] : [];
  for (let ahead = 1, behind = 1; order.length < count; ) {
    // Two ahead for each one behind.
    for (let step = 0; step < 2; step++, ahead++) push(order, current + direction * ahead, count);
    push(order, current - direction * behind++, count);
    if (ahead > 2 * count + 2) break;
  }
  return order;
}

/** A loop comes round to its beginning: everything ahead, in the order it will be shown. */
export function around(current: number, count: number): number[] {
  return Array.from({ length: count }, (_, step) => (current + step) % count);
}

/** As many of the first `sizes` as fit into `budget` bytes, at least one. */
export function fitting(sizes: readonly number[], budget: number): number {
  let total = 0;
  const over = sizes.findIndex((size) => (total += size) > budget);
  return over < 0 ? sizes.length : Math.max(1, over);
}

/** The stretches of true values, as [first, end) pairs. */
export function stretches(flags: readonly boolean[]): Array<readonly [number, number]> {
  const found: Array<readonly [number, number]> = [];
  let start = -1;
  for (let i = 0; i <= flags.length; i++) {
    if (flags[i] && start < 0) start = i;
    if (!flags[i] && start >= 0) {
      found.push([start, i]);
      start = -1;
    }
  }
  return found;
}

function push(order: number[], index: number, count: number): void {
  if (index >= 0 && index < count) order.push(index);
}
