/** The windows a reader reaches by a key. */
import type { Key } from '../app/i18n';
import type { Window } from '../dicom/voi';

export interface Preset {
  /** The digit that chooses it. */
  readonly digit: string;
  readonly name: Key;
  readonly window: Window;
}

/** For CT, in Hounsfield units. */
export const CT_PRESETS: readonly Preset[] = [
  { digit: '1', name: 'preset.lung', window: { center: -500, width: 1500, function: 'LINEAR' } },
  { digit: '2', name: 'preset.mediastinum', window: { center: 50, width: 400, function: 'LINEAR' } },
  { digit: '3', name: 'preset.bone', window: { center: 500, width: 2000, function: 'LINEAR' } },
  { digit: '4', name: 'preset.brain', window: { center: 40, width: 80, function: 'LINEAR' } },
  { digit: '5', name: 'preset.abdomen', window: { center: 60, width: 360, function: 'LINEAR' } },
];

/** Digits of the window the machine sent, and of the full range of the frame. */
export const MACHINE_DIGIT = '0';
export const FULL_DIGIT = '9';

/** Presets speak Hounsfield: only CT has it, and only when the machine did not say another unit. */
export function presetsFor(modality: string, rescaleType: string): readonly Preset[] {
  return modality === 'CT' && (rescaleType === '' || rescaleType === 'HU') ? CT_PRESETS : [];
}
