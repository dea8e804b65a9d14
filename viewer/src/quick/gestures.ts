/** Hands on the pane: mouse, wheel and fingers become commands of the viewport. */
import type { Window } from '../dicom/voi';
import type { CanvasPoint } from './geometry';
import type { Tool, Viewport } from './viewport';

/** A notch of a mouse wheel is about 100; a touchpad sends many small ones. */
const WHEEL_STEP = 40;
const SLOWEST_SCROLL_PX = 12;

/** Listens on `pane` until the returned function is called. */
export function listenToHands(pane: HTMLElement, viewport: Viewport): () => void {
  const hands = new Hands(pane, viewport);
  const listeners: Array<[string, (event: never) => void]> = [
    ['pointerdown', (event: PointerEvent) => hands.down(event)],
    ['pointermove', (event: PointerEvent) => hands.move(event)],
    ['pointerup', (event: PointerEvent) => hands.up(event)],
    ['pointercancel', (event: PointerEvent) => hands.up(event)],
    ['wheel', (event: WheelEvent) => hands.wheel(event)],
    ['dblclick', () => viewport.reset()],
    ['contextmenu', (event: Event) => event.preventDefault()],
  ];
  for (const [name, listener] of listeners) pane.addEventListener(name, listener as EventListener, { passive: false });
  return () => {
    for (const [name, listener] of listeners) pane.removeEventListener(name, listener as EventListener);
  };
}

interface Drag {
  tool: Tool;
  startX: number;
  startY: number;
  lastX: number;
  lastY: number;
  startIndex: number;
  startWindow: Window | null;
}

class Hands {
  readonly #pane: HTMLElement;
  readonly #viewport: Viewport;
  readonly #fingers = new Map<number, PointerEvent>();
  #drag: Drag | null = null;
  #wheel = 0;

  constructor(pane: HTMLElement, viewport: Viewport) {
    this.#pane = pane;
    this.#viewport = viewport;
  }

  down(event: PointerEvent): void {
    if ((event.target as Element).closest('button, a, [role=slider]')) return;
    this.#pane.setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, event);
    this.#viewport.pause();
    this.#drag = this.#fingers.size > 1 ? null : this.#startDrag(event);
    if (event.button === 1) event.preventDefault();
  }

  move(event: PointerEvent): void {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    if (this.#fingers.size === 2) this.#pinch(before, event);
    this.#fingers.set(event.pointerId, event);
    if (this.#drag) this.#continueDrag(this.#drag, event);
  }

  up(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId);
    this.#drag = null;
  }

  wheel(event: WheelEvent): void {
    event.preventDefault();
    const delta = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * WHEEL_STEP;
    // A single image has nothing to scroll to.
    if (event.ctrlKey || event.metaKey || this.#viewport.count.value < 2) {
      this.#viewport.zoom(2 ** (-delta / 400), this.#place(event));
      return;
    }
    this.#wheel += delta;
    const steps = Math.trunc(this.#wheel / WHEEL_STEP);
    if (steps === 0) return;
    this.#wheel = 0;
    // One notch is one slice, however large a number the mouse sends for it.
    this.#viewport.step(Math.abs(delta) >= WHEEL_STEP ? Math.sign(steps) : steps);
  }

  #startDrag(event: PointerEvent): Drag {
    return {
      tool: toolFor(event, this.#viewport),
      startX: event.clientX,
      startY: event.clientY,
      lastX: event.clientX,
      lastY: event.clientY,
      startIndex: this.#viewport.index.value,
      startWindow: this.#viewport.windowNow(),
    };
  }

  #continueDrag(drag: Drag, event: PointerEvent): void {
    const [right, down] = [event.clientX - drag.startX, event.clientY - drag.startY];
    const [stepRight, stepDown] = [event.clientX - drag.lastX, event.clientY - drag.lastY];
    drag.lastX = event.clientX;
    drag.lastY = event.clientY;
    if (drag.tool === 'window' && drag.startWindow) this.#viewport.dragWindow(drag.startWindow, right, down);
    else if (drag.tool === 'scroll') this.#viewport.show(drag.startIndex + Math.round(down / this.#pxPerSlice()));
    else if (drag.tool === 'zoom') this.#viewport.zoom(2 ** (-stepDown / 120), this.#place({ clientX: drag.startX, clientY: drag.startY }));
    else this.#viewport.pan(stepRight, stepDown);
  }

  /** The whole stack in about one and a half panes, but never so fast that slices cannot be hit. */
  #pxPerSlice(): number {
    const fast = (this.#viewport.size.value.height * 1.5) / Math.max(1, this.#viewport.count.value);
    return Math.min(SLOWEST_SCROLL_PX, Math.max(2.5, fast));
  }

  /** Two fingers: their distance zooms, their middle pans. */
  #pinch(before: PointerEvent, now: PointerEvent): void {
    const other = [...this.#fingers.values()].find((finger) => finger.pointerId !== now.pointerId);
    if (!other) return;
    const [was, is] = [distance(before, other), distance(now, other)];
    const middle = { clientX: (now.clientX + other.clientX) / 2, clientY: (now.clientY + other.clientY) / 2 };
    this.#viewport.pan((now.clientX - before.clientX) / 2, (now.clientY - before.clientY) / 2);
    if (was > 0 && is > 0) this.#viewport.zoom(is / was, this.#place(middle));
  }

  #place({ clientX, clientY }: { clientX: number; clientY: number }): CanvasPoint {
    const { left, top } = this.#pane.getBoundingClientRect();
    return { space: 'canvas', x: clientX - left, y: clientY - top };
  }
}

/** Middle or shift pans, right zooms, left does what the chosen tool says. */
function toolFor(event: PointerEvent, viewport: Viewport): Tool {
  if (event.button === 1 || event.shiftKey) return 'pan';
  if (event.button === 2) return 'zoom';
  return viewport.dragTool.value;
}

function distance(a: PointerEvent, b: PointerEvent): number {
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}
