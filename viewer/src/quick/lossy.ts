/** The notice a picture wears that passed through lossy compression. */
import { formatNumber } from '../app/format';
import { t } from '../app/i18n';
import type { FrameSlide } from '../dicom/frames';

export function lossyNotice({ lossy }: FrameSlide): string | null {
  if (!lossy) return null;
  if (!lossy.ratio || lossy.ratio <= 1) return t('look.lossy_unknown');
  return t('look.lossy', { ratio: formatNumber(lossy.ratio, lossy.ratio < 10 ? 1 : 0) });
}
