/** Why a study, a series or a frame is not on the screen, in a sentence. */
import { Unreachable } from '../app/api';
import { formatNumber } from '../app/format';
import { t } from '../app/i18n';
import { FrameTooShort } from '../dicom/pixels';
import { PaletteMissing } from './painter';

export function reasonOf(error: unknown): string {
  if (error instanceof Unreachable) return t('look.unreachable');
  if (error instanceof FrameTooShort) {
    return t('look.frame_short', { got: formatNumber(error.gotBytes), needs: formatNumber(error.needsBytes) });
  }
  if (error instanceof PaletteMissing) return t('look.no_palette');
  return error instanceof Error ? error.message : String(error);
}
