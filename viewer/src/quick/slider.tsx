/** Where we are in the stack and what of it is loaded: a rail to drag, upright or lying. */
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { t } from '../app/i18n';
import { stretches } from './order';
import type { Viewport } from './viewport';

export function Slider({ viewport, upright, numbered = false }: { viewport: Viewport; upright: boolean; numbered?: boolean }): JSX.Element | null {
  const rail = useRef<HTMLDivElement>(null);
  const count = viewport.count.value;
  const index = viewport.index.value;
  if (count < 2) return null;

  const drag = (event: PointerEvent): void => {
    if (event.buttons === 0 && event.type !== 'pointerdown') return;
    const box = rail.current!.getBoundingClientRect();
    const part = upright ? (event.clientY - box.top) / box.height : (event.clientX - box.left) / box.width;
    viewport.show(Math.round(part * (count - 1)));
  };
  const grab = (event: PointerEvent): void => {
    event.stopPropagation();
    rail.current!.setPointerCapture(event.pointerId);
    viewport.pause();
    drag(event);
  };
  const at = (position: number): string => `${(position * 100).toFixed(3)}%`;
  return (
    <div
      ref={rail} class={upright ? 'sb' : 'rail'} role="slider" tabIndex={0} data-testid="slider"
      aria-label={t('look.slices')} aria-valuemin={1} aria-valuemax={count} aria-valuenow={index + 1}
      aria-orientation={upright ? 'vertical' : 'horizontal'} onPointerDown={grab} onPointerMove={drag}
    >
      {stretches(viewport.cached.value).map(([first, end]) => (
        <i key={first} class="kept" style={upright ? { top: at(first / count), height: at((end - first) / count) } : { left: at(first / count), width: at((end - first) / count) }} />
      ))}
      <i class="handle" style={upright ? { top: at(index / (count - 1)) } : { left: at(index / (count - 1)) }}>{numbered ? index + 1 : ''}</i>
    </div>
  );
}
