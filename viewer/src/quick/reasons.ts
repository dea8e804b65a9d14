/** Why a study, a series or a frame is not on the screen, in a sentence. */
import { Problem, Unreachable } from '../app/api';
import { formatNumber } from '../app/format';
import { known, t } from '../app/i18n';
import { FrameTooShort } from '../dicom/pixels';
import { PaletteMissing } from './painter';

export function reasonOf(error: unknown): string {
  if (error instanceof Unreachable) return t('look.unreachable');
  if (error instanceof FrameTooShort) {
    return t('look.frame_short', { got: formatNumber(error.gotBytes), needs: formatNumber(error.needsBytes) });
  }
  if (error instanceof PaletteMissing) return t('look.no_palette');
  if (error instanceof Problem) return problemWords(error);
  return error instanceof Error ? error.message : String(error);
}

/** The kind of problem in the reader's words, then the archive's own sentence for whoever is called to help. */
function problemWords({ code, message }: Problem): string {
  const words = known(`problem.${code}`);
  return words ? `${words} (${message})` : message;
}
