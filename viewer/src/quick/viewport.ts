/** The engine behind one pane: commands in, signals out. It knows canvases and frames, not pages. */
import { batch, computed, effect, signal, untracked } from '@preact/signals-core';
import type { AnySlide, FrameSlide, ObjectSlide } from '../dicom/frames';
import { frameBytes } from '../dicom/pixels';
import { draggedWindow, type LookupTable, type Voi, type Window } from '../dicom/voi';
import type { FrameStore } from './frame_store';
import { FIT, flippedOnScreen, imageToCanvas, panned, turned, zoomedAt, type CanvasPoint, type Extent, type ImageExtent } from './geometry';
import { around, fitting, outward } from './order';
import { paintFrame, readFrame, type ReadFrame } from './painter';
import type { Preset } from './presets';
import type { Stack } from './stack';

export type WindowChoice =
  | { readonly kind: 'machine'; readonly number: number }
  | { readonly kind: 'full' }
  | { readonly kind: 'preset'; readonly preset: Preset }
  | { readonly kind: 'own'; readonly window: Window };

export type Status =
  | { readonly kind: 'loading' }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'object'; readonly slide: ObjectSlide };

export type Tool = 'window' | 'pan' | 'zoom' | 'scroll';

/** What is on the canvas now; it may lag behind `index` while a frame is being fetched. */
export interface Painted {
  readonly index: number;
  readonly slide: FrameSlide;
  readonly frame: ReadFrame;
  /** The window or table in force; null for colour images. */
  readonly voi: Window | LookupTable | null;
}

const MACHINE: WindowChoice = { kind: 'machine', number: 0 };

export class Viewport {
  readonly stack = signal<Stack | null>(null);
  readonly index = signal(0);
  readonly status = signal<Status>({ kind: 'loading' });
  readonly painted = signal<Painted | null>(null);
  readonly view = signal(FIT);
  readonly choice = signal<WindowChoice>(MACHINE);
  readonly inverted = signal(false);
  readonly tool = signal<Tool>('window');
  readonly playing = signal(false);
  /** 1 is the speed the machine recorded. */
  readonly speed = signal(1);
  readonly size = signal<Extent>({ width: 0, height: 0 });
  readonly count = computed(() => this.stack.value?.slides.length ?? 0);
  /** What a plain drag does: the chosen tool, or pan where that one has nothing to work on. */
  readonly dragTool = computed<Tool>(() => (this.tools.value.includes(this.tool.value) ? this.tool.value : 'pan'));
  /** The tools that make sense for what is shown: colour has no window, a single image nothing to scroll. */
  readonly tools = computed<readonly Tool[]>(() => {
    const gray = this.painted.value?.frame.kind === 'gray';
    return [...(gray ? ['window' as const] : []), 'pan', 'zoom', ...(this.count.value > 1 ? ['scroll' as const] : [])];
  });
  /** Which slides are in memory. */
  readonly cached = computed(() => {
    void this.#store.version.value;
    const stack = this.stack.value;
    return stack?.slides.map((slide) => this.#store.has(stack.frameAddress(slide))) ?? [];
  });

  readonly #store: FrameStore;
  readonly #offscreen = document.createElement('canvas');
  readonly #stops: Array<() => void> = [];
  #canvas: HTMLCanvasElement | null = null;
  #direction: 1 | -1 = 1;
  #pixelsOf: { frame: ReadFrame; voi: unknown; inverted: boolean } | null = null;
  #drawing = 0;
  #playing = 0;
  #dueAt = 0;

  constructor(store: FrameStore) {
    this.#store = store;
    this.#stops.push(effect(() => this.#follow()));
  }

  /** Gives the engine its canvas; call the returned function before the canvas goes. */
  attach(canvas: HTMLCanvasElement): () => void {
    this.#canvas = canvas;
    const observer = new ResizeObserver(() => {
      this.size.value = { width: canvas.clientWidth, height: canvas.clientHeight };
    });
    observer.observe(canvas);
    return () => {
      observer.disconnect();
      this.#canvas = null;
    };
  }

  close(): void {
    this.pause();
    this.#stops.forEach((stop) => stop());
    cancelAnimationFrame(this.#drawing);
  }

  // --- what is shown

  /** Shows a series; when it holds the frame now on the canvas, nothing moves. */
  setStack(stack: Stack, index: number, { anew }: { anew: boolean }): void {
    batch(() => {
      if (anew) {
        this.pause();
        this.painted.value = null;
        this.view.value = FIT;
        this.choice.value = MACHINE;
        this.inverted.value = false;
        this.speed.value = 1;
      }
      this.stack.value = stack;
      this.index.value = index;
    });
    void this.#load();
  }

  /** Another series is on its way: what is on the canvas belongs to the old one and goes. */
  setStackPending(): void {
    this.pause();
    batch(() => {
      this.stack.value = null;
      this.painted.value = null;
      this.index.value = 0;
      this.status.value = { kind: 'loading' };
    });
  }

  show(index: number): void {
    const last = this.count.value - 1;
    const next = Math.min(last, Math.max(0, Math.round(index)));
    if (last < 0 || next === this.index.value) return;
    this.#direction = next > this.index.value ? 1 : -1;
    this.index.value = next;
    void this.#load();
  }

  step(by: number): void {
    this.show(this.index.value + by);
  }

  /** Tries the current frame again. */
  retry(): void {
    const { stack, slide } = this.#current();
    if (stack && slide) this.#store.forgive(stack.frameAddress(slide));
    void this.#load();
  }

  // --- how it is shown

  choose(choice: WindowChoice): void {
    this.choice.value = choice;
  }

  /** The window of the machine; chosen again, the next one it offers. */
  chooseMachine(): void {
    const vois = this.painted.value?.slide.vois.length ?? 0;
    const now = this.choice.value;
    const number = now.kind === 'machine' && vois > 0 ? (now.number + 1) % vois : 0;
    this.choice.value = { kind: 'machine', number };
  }

  /** The window a drag starts from, or null when there is nothing to window. */
  windowNow(): Window | null {
    const painted = this.painted.value;
    if (!painted || painted.frame.kind === 'colour') return null;
    return painted.voi && 'width' in painted.voi ? painted.voi : painted.frame.fullRange;
  }

  dragWindow(start: Window, right: number, down: number): void {
    this.choice.value = { kind: 'own', window: draggedWindow(start, right, down) };
  }

  pan(right: number, down: number): void {
    this.view.value = panned(this.view.value, right, down);
  }

  zoom(factor: number, at?: CanvasPoint): void {
    const { width, height } = this.size.value;
    const middle: CanvasPoint = { space: 'canvas', x: width / 2, y: height / 2 };
    this.view.value = zoomedAt(this.view.value, this.size.value, factor, at ?? middle);
  }

  invert(): void {
    this.inverted.value = !this.inverted.value;
  }

  flip(): void {
    this.view.value = flippedOnScreen(this.view.value);
  }

  rotate(): void {
    this.view.value = turned(this.view.value);
  }

  reset(): void {
    batch(() => {
      this.view.value = FIT;
      this.choice.value = MACHINE;
      this.inverted.value = false;
    });
  }

  // --- cine

  togglePlay(): void {
    if (this.playing.value) this.pause();
    else this.play();
  }

  play(): void {
    if (this.count.value < 2) return;
    this.playing.value = true;
    this.#dueAt = performance.now() + this.#frameMs();
    const tick = (now: number): void => {
      if (!this.playing.value) return;
      this.#advance(now);
      this.#playing = requestAnimationFrame(tick);
    };
    this.#playing = requestAnimationFrame(tick);
    this.#want();
  }

  pause(): void {
    this.playing.value = false;
    cancelAnimationFrame(this.#playing);
  }

  /** Shows the next frame when its time has come and it is here; a late network slows the loop, it never skips. */
  #advance(now: number): void {
    if (now < this.#dueAt || this.status.value.kind === 'loading') return;
    this.show((this.index.value + 1) % this.count.value);
    const next = this.#dueAt + this.#frameMs();
    this.#dueAt = next < now ? now + this.#frameMs() : next;
  }

  #frameMs(): number {
    const { slide } = this.#current();
    return (slide?.kind === 'frame' ? slide.durationMs : 0) / this.speed.value;
  }

  // --- fetching and painting

  #current(): { stack: Stack | null; slide: AnySlide | undefined } {
    const stack = this.stack.value;
    return { stack, slide: stack?.slides[this.index.value] };
  }

  async #load(): Promise<void> {
    const { stack, slide } = this.#current();
    if (!stack || !slide) return;
    if (slide.kind === 'object') {
      this.status.value = { kind: 'object', slide };
      return;
    }
    const address = stack.frameAddress(slide);
    if (!this.#store.has(address)) this.status.value = { kind: 'loading' };
    const isCurrent = (): boolean => this.#current().slide === slide;
    try {
      const loading = Promise.all([this.#store.load(address), stack.complete(slide)]);
      this.#want();
      const [bytes, completed] = await loading;
      if (isCurrent()) this.#accept(completed, bytes);
    } catch (error) {
      if (isCurrent()) this.status.value = { kind: 'failed', error };
    }
  }

  #accept(slide: FrameSlide, bytes: ArrayBuffer): void {
    const shown = this.painted.value;
    const same = shown?.slide.sopInstanceUid === slide.sopInstanceUid && shown.slide.frameNumber === slide.frameNumber;
    const frame = same ? shown.frame : readFrame(slide, bytes);
    batch(() => {
      // Another shape of image (a scout before the slices) is fitted anew.
      if (shown && shapeOf(shown.slide) !== shapeOf(slide)) this.view.value = { ...this.view.value, zoom: 1, panX: 0, panY: 0 };
      this.painted.value = { index: this.index.value, slide, frame, voi: voiFor(frame, this.choice.value) };
      this.status.value = { kind: 'ready' };
    });
  }

  /** Tells the store what to fetch ahead, as far as memory goes. */
  #want(): void {
    const { stack } = this.#current();
    if (!stack) return;
    const { slides } = stack;
    const order = this.playing.value
      ? around(this.index.value, slides.length)
      : outward(this.index.value, slides.length, this.#direction);
    const frames = order.map((i) => slides[i]).filter((slide) => slide?.kind === 'frame');
    const sizes = frames.map((slide) => frameBytes(slide.layout));
    const kept = frames.slice(0, fitting(sizes, this.#store.budgetBytes * 0.9));
    this.#store.want(kept.map((slide) => stack.frameAddress(slide)));
  }

  /** Keeps the canvas true to the signals. */
  #follow(): void {
    const choice = this.choice.value;
    void [this.view.value, this.inverted.value, this.size.value];
    const painted = this.painted.value;
    if (painted) {
      const voi = voiFor(painted.frame, choice);
      if (voi !== painted.voi) untracked(() => (this.painted.value = { ...painted, voi }));
    }
    cancelAnimationFrame(this.#drawing);
    this.#drawing = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const canvas = this.#canvas;
    const context = canvas?.getContext('2d', { alpha: false });
    if (!canvas || !context) return;
    const { width, height } = this.size.value;
    const density = devicePixelRatio;
    fitCanvas(canvas, Math.round(width * density), Math.round(height * density));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const painted = this.painted.value;
    if (!painted || width === 0) return;
    this.#paintPixels(painted);
    const [a, b, c, d, e, f] = imageToCanvas(extentOf(painted.slide), this.size.value, this.view.value);
    context.setTransform(a * density, b * density, c * density, d * density, e * density, f * density);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#offscreen, 0, 0);
  }

  /** The windowed pixels, made again only when frame, window or inversion changed. */
  #paintPixels({ frame, voi }: Painted): void {
    const inverted = this.inverted.value;
    const made = this.#pixelsOf;
    if (made && made.frame === frame && made.voi === voi && made.inverted === inverted) return;
    paintFrame(frame, this.#offscreen, voi ?? { center: 0, width: 1, function: 'LINEAR' }, inverted);
    this.#pixelsOf = { frame, voi, inverted };
  }
}

export function extentOf({ layout, aspect }: FrameSlide): ImageExtent {
  return { columns: layout.columns, rows: layout.rows, aspect };
}

/** The window or table a choice means for a frame; a machine that sent none means the full range. */
export function voiFor(frame: ReadFrame, choice: WindowChoice): Window | LookupTable | null {
  if (frame.kind === 'colour') return null;
  if (choice.kind === 'own') return choice.window;
  if (choice.kind === 'preset') return choice.preset.window;
  const offered: Voi | undefined = choice.kind === 'machine' ? machineVoi(frame.slide, choice.number) : undefined;
  if (!offered) return frame.fullRange;
  return offered.kind === 'window' ? offered.window : offered.table;
}

export function machineVoi(slide: FrameSlide, number: number): Voi | undefined {
  return slide.vois[number] ?? slide.vois[0];
}

function shapeOf({ layout }: FrameSlide): string {
  return `${layout.columns}x${layout.rows}`;
}

function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width === width && canvas.height === height) return;
  canvas.width = width;
  canvas.height = height;
}
