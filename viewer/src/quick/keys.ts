/** The keys of the quick look. */
import { t } from '../app/i18n';
import { currentPresets, toolOfKey } from './controls';
import { FULL_DIGIT, MACHINE_DIGIT } from './presets';
import type { Reading } from './reading';

const JUMP = 10;

/** Does what a key means; false when it means nothing here. */
export function pressKey(event: KeyboardEvent, reading: Reading): boolean {
  const { viewport } = reading;
  // Buttons keep Enter and Space for themselves.
  if (event.key === ' ' && (event.target as HTMLElement).closest('button, a')) return false;
  if (event.shiftKey && event.key.startsWith('Arrow')) {
    reading.stepSeries(event.key === 'ArrowDown' || event.key === 'ArrowRight' ? 1 : -1);
    return true;
  }
  const action = ACTIONS[event.key] ?? ACTIONS[event.key.toLowerCase()];
  if (action) {
    action(reading);
    return true;
  }
  const preset = currentPresets(viewport).find(({ digit }) => digit === event.key);
  if (preset) viewport.choose({ kind: 'preset', preset });
  const tool = toolOfKey(event.key);
  if (tool) viewport.tool.value = tool;
  return preset !== undefined || tool !== undefined;
}

const ACTIONS: Record<string, (reading: Reading) => void> = {
  ArrowDown: ({ viewport }) => viewport.step(1),
  ArrowRight: ({ viewport }) => viewport.step(1),
  ArrowUp: ({ viewport }) => viewport.step(-1),
  ArrowLeft: ({ viewport }) => viewport.step(-1),
  PageDown: ({ viewport }) => viewport.step(JUMP),
  PageUp: ({ viewport }) => viewport.step(-JUMP),
  Home: ({ viewport }) => viewport.show(0),
  End: ({ viewport }) => viewport.show(Infinity),
  ' ': ({ viewport }) => viewport.togglePlay(),
  '+': ({ viewport }) => viewport.zoom(1.25),
  '=': ({ viewport }) => viewport.zoom(1.25),
  '-': ({ viewport }) => viewport.zoom(0.8),
  [MACHINE_DIGIT]: ({ viewport }) => viewport.chooseMachine(),
  [FULL_DIGIT]: ({ viewport }) => viewport.choose({ kind: 'full' }),
  i: ({ viewport }) => viewport.invert(),
  f: ({ viewport }) => viewport.flip(),
  r: ({ viewport }) => viewport.rotate(),
  x: ({ viewport }) => viewport.reset(),
};

export function shortcuts(): ReadonlyArray<readonly [string, string]> {
  return [
    ['↑ ↓', t('keys.slices')],
    ['PgUp PgDn', t('keys.ten')],
    ['Home End', t('keys.ends')],
    ['Shift ↑ ↓', t('keys.series')],
    ['1 2 3 4 5', t('keys.presets')],
    ['0', t('keys.machine')],
    ['9', t('preset.full')],
    ['W P Z S', [t('tool.window'), t('tool.pan'), t('tool.zoom'), t('tool.scroll')].join(', ')],
    ['I F R X', [t('tool.invert'), t('tool.flip'), t('tool.rotate'), t('tool.reset')].join(', ')],
    ['Space', t('keys.play')],
    ['+ -', t('keys.zoom')],
    [t('keys.wheel_name').replace(' ', '_'), t('keys.wheel')],
    [`Ctrl ${t('keys.wheel_name').replace(' ', '_')}`, t('keys.wheel_zoom')],
    [`Shift ${t('keys.drag_name')}`, t('keys.drag_pan')],
    ['Esc', t('keys.back')],
    ['?', t('keys.help')],
  ];
}
