/** The buttons under the image: presets, what a drag does, how the image lies, the loop. */
import type { JSX } from 'preact';
import { formatNumber } from '../app/format';
import { t, type Key } from '../app/i18n';
import { text } from '../dicom/json';
import * as tag from '../dicom/tags';
import { Icon, type IconName } from '../ui/icons';
import { FULL_DIGIT, MACHINE_DIGIT, presetsFor, type Preset } from './presets';
import { Slider } from './slider';
import { STACK_FRAME_MS } from '../dicom/timing';
import type { Tool, Viewport } from './viewport';
import { machineName } from './window_names';

export function Controls({ viewport, narrow }: { viewport: Viewport; narrow: boolean }): JSX.Element {
  // What is no picture has no window, no size and no sides.
  const isPicture = viewport.status.value.kind !== 'object';
  return (
    <footer class="ctl">
      {isPicture && <Presets viewport={viewport} narrow={narrow} />}
      {isPicture && !narrow && <DragTools viewport={viewport} />}
      {isPicture && <ViewTools viewport={viewport} narrow={narrow} />}
      <Cine viewport={viewport} narrow={narrow} />
    </footer>
  );
}

function ViewTools({ viewport, narrow }: { viewport: Viewport; narrow: boolean }): JSX.Element {
  return (
    <div class="row tools" role="group" aria-label={t('look.view')}>
      <ToolButton icon="invert" name="tool.invert" keyName="I" pressed={viewport.inverted.value} onClick={() => viewport.invert()} />
      {!narrow && <ToolButton icon="flip" name="tool.flip" keyName="F" onClick={() => viewport.flip()} />}
      {!narrow && <ToolButton icon="rotate" name="tool.rotate" keyName="R" onClick={() => viewport.rotate()} />}
      <ToolButton icon="reset" name="tool.reset" keyName="X" onClick={() => viewport.reset()} />
    </div>
  );
}

/** The presets of the image on the screen. */
export function currentPresets(viewport: Viewport): readonly Preset[] {
  const dataset = viewport.painted.value?.slide.dataset;
  return dataset ? presetsFor(text(dataset, tag.Modality), text(dataset, tag.RescaleType)) : [];
}

function Presets({ viewport, narrow }: { viewport: Viewport; narrow: boolean }): JSX.Element | null {
  const painted = viewport.painted.value;
  if (!painted || painted.frame.kind === 'colour') return null;
  const choice = viewport.choice.value;
  const offered = painted.slide.vois.length;
  const machineChosen = choice.kind === 'machine' && offered > 0;
  return (
    <div class="chips presets" role="group" aria-label={t('look.presets')}>
      {currentPresets(viewport).map((preset) => (
        <Chip key={preset.digit} label={t(preset.name)} digit={narrow ? '' : preset.digit} pressed={choice.kind === 'preset' && choice.preset === preset} onClick={() => viewport.choose({ kind: 'preset', preset })} />
      ))}
      {offered > 0 && (
        <Chip label={machineName(choice.kind === 'machine' ? choice.number : 0, offered)} digit={narrow ? '' : MACHINE_DIGIT} pressed={machineChosen} onClick={() => viewport.chooseMachine()} />
      )}
      <Chip label={t('preset.full')} digit={narrow ? '' : FULL_DIGIT} pressed={choice.kind === 'full' || (choice.kind === 'machine' && offered === 0)} onClick={() => viewport.choose({ kind: 'full' })} />
    </div>
  );
}

function Chip(props: { label: string; digit: string; pressed: boolean; onClick: () => void }): JSX.Element {
  return (
    <button type="button" class="chip" aria-pressed={props.pressed} onClick={props.onClick}>
      {props.label}{props.digit && <span class="n">{props.digit}</span>}
    </button>
  );
}

const DRAG_TOOLS: ReadonlyArray<{ tool: Tool; icon: IconName; name: Key; keyName: string }> = [
  { tool: 'window', icon: 'window', name: 'tool.window', keyName: 'W' },
  { tool: 'pan', icon: 'pan', name: 'tool.pan', keyName: 'P' },
  { tool: 'zoom', icon: 'zoom', name: 'tool.zoom', keyName: 'Z' },
  { tool: 'scroll', icon: 'scroll', name: 'tool.scroll', keyName: 'S' },
];

/** The tool a key chooses, or undefined. */
export function toolOfKey(key: string): Tool | undefined {
  return DRAG_TOOLS.find(({ keyName }) => keyName === key.toUpperCase())?.tool;
}

function DragTools({ viewport }: { viewport: Viewport }): JSX.Element {
  return (
    <div class="row tools" role="radiogroup" aria-label={t('look.tools')}>
      {DRAG_TOOLS.filter(({ tool }) => viewport.tools.value.includes(tool)).map(({ tool, icon, name, keyName }) => (
        <ToolButton key={tool} icon={icon} name={name} keyName={keyName} checked={viewport.dragTool.value === tool} onClick={() => { viewport.tool.value = tool; }} />
      ))}
    </div>
  );
}

interface ToolButtonProps {
  icon: IconName;
  name: Key;
  keyName: string;
  pressed?: boolean;
  checked?: boolean;
  onClick: () => void;
}

function ToolButton({ icon, name, keyName, pressed, checked, onClick }: ToolButtonProps): JSX.Element {
  const radio = checked === undefined ? {} : { role: 'radio' as const, 'aria-checked': checked };
  return (
    <button type="button" class="tool" aria-label={t(name)} aria-keyshortcuts={keyName} aria-pressed={pressed} {...radio} onClick={onClick}>
      <Icon name={icon} />
      <span class="tip" aria-hidden="true">{t(name)} <kbd>{keyName}</kbd></span>
    </button>
  );
}

const SPEEDS = [1, 2, 0.5] as const;

function Cine({ viewport, narrow }: { viewport: Viewport; narrow: boolean }): JSX.Element | null {
  if (viewport.count.value < 2) return null;
  const playing = viewport.playing.value;
  const slide = viewport.painted.value?.slide;
  const rate = (1000 / (slide?.durationMs ?? STACK_FRAME_MS)) * viewport.speed.value;
  const faster = (): void => {
    const next = (SPEEDS.indexOf(viewport.speed.value as 1) + 1) % SPEEDS.length;
    viewport.speed.value = SPEEDS[next]!;
  };
  return (
    <div class="row slide">
      <button type="button" class="tool" aria-label={t(playing ? 'look.pause' : 'look.play')} onClick={() => viewport.togglePlay()}>
        <Icon name={playing ? 'pause' : 'play'} />
        <span class="tip" aria-hidden="true">{t(playing ? 'look.pause' : 'look.play')} <kbd>Space</kbd></span>
      </button>
      {!narrow && <Slider viewport={viewport} upright={false} />}
      {!narrow && (
        <button type="button" class="btn ghost rate" title={t('look.speed')} onClick={faster}>
          {t('look.frames_per_second', { n: formatNumber(rate, rate < 10 ? 1 : 0) })}
        </button>
      )}
    </div>
  );
}
