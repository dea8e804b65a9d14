import { describe, expect, it } from 'vitest';
import { FrameStore } from './frame_store';

interface Asked {
  address: string;
  answer: (bytes: number) => void;
  fail: () => void;
}

/** A store whose requests are answered by hand. */
function store({ parallel = 2, budgetBytes = 1000 } = {}): { store: FrameStore; asked: Asked[] } {
  const asked: Asked[] = [];
  const fetchBytes = (address: string): Promise<ArrayBuffer> =>
    new Promise((resolve, reject) => {
      asked.push({ address, answer: (bytes) => resolve(new ArrayBuffer(bytes)), fail: () => reject(new Error('refused')) });
    });
  return { store: new FrameStore({ parallel, budgetBytes, fetchBytes }), asked };
}
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const names = (asked: readonly Asked[]): string => asked.map(({ address }) => address).join('');

describe('prefetching', () => {
  it('asks for a few at once, in the order wanted', async () => {
    const { store: frames, asked } = store();
    frames.want(['a', 'b', 'c', 'd']);
    expect(names(asked)).toBe('ab');
    asked[0]!.answer(10);
    await turn();
    expect(names(asked)).toBe('abc');
    expect(frames.has('a')).toBe(true);
  });

  it('turns to new wishes at once', async () => {
    const { store: frames, asked } = store({ parallel: 1 });
    frames.want(['a', 'b', 'c']);
    frames.want(['x', 'y']);
    asked[0]!.answer(10);
    await turn();
    expect(names(asked)).toBe('ax');
  });

  it('goes on after a failure and does not repeat it', async () => {
    const { store: frames, asked } = store({ parallel: 1 });
    frames.want(['a', 'b']);
    asked[0]!.fail();
    await turn();
    expect(names(asked)).toBe('ab');
    expect(frames.failure('a')).toBeInstanceOf(Error);
  });
});

describe('the frame for the screen', () => {
  it('does not wait for a free place', () => {
    const { store: frames, asked } = store({ parallel: 1 });
    frames.want(['a', 'b']);
    void frames.load('z');
    expect(names(asked)).toBe('az');
  });

  it('is not asked for twice', async () => {
    const { store: frames, asked } = store();
    const [first, second] = [frames.load('a'), frames.load('a')];
    asked[0]!.answer(3);
    expect((await first).byteLength).toBe(3);
    expect(await second).toBe(await frames.load('a'));
    expect(asked).toHaveLength(1);
  });

  it('can be tried again after a failure', async () => {
    const { store: frames, asked } = store();
    const failed = frames.load('a');
    asked[0]!.fail();
    await expect(failed).rejects.toThrow('refused');
    frames.forgive('a');
    const again = frames.load('a');
    asked[1]!.answer(1);
    await expect(again).resolves.toBeInstanceOf(ArrayBuffer);
  });
});

describe('memory', () => {
  it('lets go of what nobody wants first', async () => {
    const { store: frames, asked } = store({ parallel: 3, budgetBytes: 100 });
    frames.want(['a', 'b']);
    asked.forEach(({ answer }) => answer(40));
    await turn();
    frames.want(['b', 'c']);
    asked[2]!.answer(40);
    await turn();
    expect(['a', 'b', 'c'].map((name) => frames.has(name))).toEqual([false, true, true]);
  });

  it('keeps the newest even when it alone is over the budget', async () => {
    const { store: frames, asked } = store({ budgetBytes: 10 });
    const big = frames.load('big');
    asked[0]!.answer(500);
    await big;
    expect(frames.has('big')).toBe(true);
  });
});
