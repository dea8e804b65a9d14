/** An object that holds no picture for a canvas: why, and the file itself. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../app/i18n';
import type { ObjectSlide } from '../dicom/frames';
import { StateBlock } from '../ui/elements';
import { Icon } from '../ui/icons';
import { downloadInstance, downloadPdf, hasPdf } from './download';
import { reasonOf } from './reasons';

export function CannotShow({ slide, address }: { slide: ObjectSlide; address: string }): JSX.Element {
  const what = t(`object.${slide.reason}`);
  const why = `${t('look.cannot_show_what', { what, uid: slide.sopClassUid })} ${t('look.cannot_show_others')}`;
  return (
    <StateBlock icon="document" title={t('look.cannot_show')} why={why}>
      {hasPdf(slide.dataset) && <SaveButton label={t('look.download_pdf')} save={() => downloadPdf(slide.dataset)} />}
      <SaveButton label={t('look.download')} save={() => downloadInstance(address, slide.sopInstanceUid)} />
    </StateBlock>
  );
}

export function SaveButton({ label, save, icon = false }: { label: string; save: () => Promise<void>; icon?: boolean }): JSX.Element {
  const [state, setState] = useState<{ busy: boolean; failure: string }>({ busy: false, failure: '' });
  const start = (): void => {
    setState({ busy: true, failure: '' });
    save().then(
      () => setState({ busy: false, failure: '' }),
      (error: unknown) => setState({ busy: false, failure: t('look.download_failed', { reason: reasonOf(error) }) }),
    );
  };
  const words = state.busy ? t('look.downloading') : label;
  return (
    <>
      <button type="button" class={icon ? 'ib' : 'btn'} disabled={state.busy} aria-label={icon ? words : undefined} title={icon ? words : undefined} onClick={start}>
        <Icon name="download" />{!icon && words}
      </button>
      {state.failure && <span class="error" role="alert">{state.failure}</span>}
    </>
  );
}
