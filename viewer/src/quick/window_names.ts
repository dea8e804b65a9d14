/** What the window in force is called. */
import { t } from '../app/i18n';
import { machineVoi, type Viewport } from './viewport';

export function windowName(viewport: Viewport): string {
  const choice = viewport.choice.value;
  const painted = viewport.painted.value;
  if (!painted || painted.frame.kind === 'colour' || choice.kind === 'own') return '';
  if (choice.kind === 'preset') return t(choice.preset.name);
  const offered = painted.slide.vois.length;
  if (choice.kind === 'full' || offered === 0) return t('preset.full');
  return machineVoi(painted.slide, choice.number)?.explanation || machineName(choice.number, offered);
}

/** `Theo máy`, or `Theo máy 2/3` when the machine offers several. */
export function machineName(number: number, offered: number): string {
  return offered > 1 ? t('preset.machine_n', { i: (number % offered) + 1, n: offered }) : t('preset.machine');
}
