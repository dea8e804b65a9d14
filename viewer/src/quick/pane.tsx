/** The image: canvas, corner texts, orientation letters, notices. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Problem, unreachableSince } from '../app/api';
import { formatNumber, formatTime } from '../app/format';
import { t } from '../app/i18n';
import { lettersOfPatientOrientation, lettersOfPlane, NO_LETTERS, turnedLetters, type EdgeLetters } from '../dicom/orientation';
import { texts, text } from '../dicom/json';
import type { FrameSlide } from '../dicom/frames';
import { FrameTooShort } from '../dicom/pixels';
import * as tag from '../dicom/tags';
import { StateBlock } from '../ui/elements';
import { Icon } from '../ui/icons';
import { CannotShow } from './cannot_show';
import { patientLines, seriesLine, sliceLine, stepWord, studyLines, techniqueLine, thicknessText, windowLine } from './corner_texts';
import { fitScale } from './geometry';
import { listenToHands } from './gestures';
import { lossyNotice } from './lossy';
import { PaletteMissing } from './painter';
import type { Reading } from './reading';
import { reasonOf } from './reasons';
import { Slider } from './slider';
import { extentOf, type Painted, type Viewport } from './viewport';
import { windowName } from './window_names';

export function Pane({ reading, narrow, conflict }: { reading: Reading; narrow: boolean; conflict: boolean }): JSX.Element {
  const { viewport } = reading;
  const pane = useRef<HTMLElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => viewport.attach(canvas.current!), [viewport]);
  useEffect(() => listenToHands(pane.current!, viewport), [viewport]);

  const painted = viewport.painted.value;
  const status = viewport.status.value;
  const shown = status.kind === 'ready' || status.kind === 'loading' ? painted : null;
  return (
    <main class="pane" id="main" ref={pane} tabIndex={0} aria-label={paneLabel(viewport, painted)} aria-busy={status.kind === 'loading'}>
      <canvas
        ref={canvas} data-testid="image" class={shown ? '' : 'away'} data-status={status.kind}
        data-index={painted?.index ?? ''} data-instance={painted?.slide.sopInstanceUid ?? ''} data-frame={painted?.slide.frameNumber ?? ''}
      />
      {shown && <Overlays viewport={viewport} painted={shown} narrow={narrow} conflict={conflict} />}
      <div class="pane-state">
        {reading.seriesFailure.value
          ? <SeriesFailed reading={reading} />
          : status.kind === 'failed'
            ? <FrameFailed error={status.error} viewport={viewport} />
            : status.kind === 'object' && <CannotShow slide={status.slide} address={viewport.stack.value!.instanceAddress(status.slide)} />}
      </div>
      {status.kind === 'loading' && !reading.seriesFailure.value && <span class="wait" role="status"><i />{t('look.loading')}</span>}
      <Slider viewport={viewport} upright numbered={narrow} />
    </main>
  );
}

function paneLabel(viewport: Viewport, painted: Painted | null): string {
  if (!painted) return t('look.image_area');
  return t('look.image', {
    modality: text(painted.slide.dataset, tag.Modality),
    what: stepWord(painted.slide).toLocaleLowerCase(),
    i: painted.index + 1,
    n: viewport.count.value,
  });
}

function Overlays({ viewport, painted, narrow, conflict }: { viewport: Viewport; painted: Painted; narrow: boolean; conflict: boolean }): JSX.Element {
  const { slide } = painted;
  const [name, ...identity] = patientLines(slide);
  const lossy = lossyNotice(slide);
  return (
    <>
      <Letters viewport={viewport} slide={slide} />
      <div class="ov tl" data-testid="patient">
        {/* On a phone the header just above says who it is. */}
        {narrow ? <ModalityLine slide={slide} /> : <b>{name}</b>}
        {!narrow && identity.map((line) => <div key={line}>{line}</div>)}
        {conflict && <div class="amber"><Icon name="warn" size="s" /> {t('look.conflict')}</div>}
      </div>
      {!narrow && <div class="ov tr">{studyLines(slide).map((line) => <div key={line}>{line}</div>)}</div>}
      <div class="ov bl">
        <div>{seriesLine(slide)}</div>
        {!narrow && <div>{techniqueLine(slide)}</div>}
        <div class="d">{narrow ? thicknessText(slide) : sliceLine(slide)}</div>
      </div>
      <div class="ov br" data-testid="window">
        {!narrow && <div class="d">{t('look.zoom', { n: formatNumber(magnification(viewport, slide)) })}</div>}
        <div>{windowLine(painted)}{!narrow && <WindowName viewport={viewport} />}</div>
        <div><b>{stepWord(slide)} {painted.index + 1}</b> / {viewport.count.value}</div>
      </div>
      {(lossy || unreachableSince.value) && (
        <div class="notes">
          {lossy && <span class="note" data-testid="lossy"><Icon name="warn" size="s" />{lossy}</span>}
          {unreachableSince.value && <OfflineNote viewport={viewport} since={unreachableSince.value} />}
        </div>
      )}
    </>
  );
}

function ModalityLine({ slide }: { slide: FrameSlide }): JSX.Element {
  return (
    <>
      <div><span class="mod">{text(slide.dataset, tag.Modality)}</span> {text(slide.dataset, tag.StudyDescription)}</div>
      <div>{studyLines(slide).at(-1)}</div>
    </>
  );
}

function WindowName({ viewport }: { viewport: Viewport }): JSX.Element | null {
  const name = windowName(viewport);
  return name ? <> · {name}</> : null;
}

/** Screen pixels per image pixel, in percent. */
function magnification(viewport: Viewport, slide: FrameSlide): number {
  const { zoom, quarterTurns } = viewport.view.value;
  return fitScale(extentOf(slide), viewport.size.value, quarterTurns) * zoom * 100;
}

function OfflineNote({ viewport, since }: { viewport: Viewport; since: Date }): JSX.Element {
  const n = viewport.cached.value.filter(Boolean).length;
  return <span class="note" role="status"><Icon name="offline" size="s" />{t('look.offline', { time: formatTime(since.toTimeString()), n })}</span>;
}

function Letters({ viewport, slide }: { viewport: Viewport; slide: FrameSlide }): JSX.Element {
  const { flipped, quarterTurns } = viewport.view.value;
  const letters = turnedLetters(lettersOfSlide(slide), { flipped, quarterTurns });
  return (
    <div data-testid="orientation" aria-hidden="true">
      <span class="ori n">{letters.top}</span>
      <span class="ori e">{letters.right}</span>
      <span class="ori s">{letters.bottom}</span>
      <span class="ori w">{letters.left}</span>
    </div>
  );
}

function lettersOfSlide({ orientation, dataset }: FrameSlide): EdgeLetters {
  if (orientation) return lettersOfPlane(orientation);
  const values = texts(dataset, tag.PatientOrientation);
  return values.length === 2 ? lettersOfPatientOrientation(values) : NO_LETTERS;
}

function FrameFailed({ error, viewport }: { error: unknown; viewport: Viewport }): JSX.Element {
  // A refusal for what the object is (400 to 499) will not change by asking again.
  const lasting = error instanceof FrameTooShort || error instanceof PaletteMissing || (error instanceof Problem && error.status < 500);
  return (
    <StateBlock icon="warn" tone="red" title={t('look.frame_failed')} why={`${reasonOf(error)} ${viewport.count.value > 1 ? t('look.frame_others') : ''}`} alert>
      {!lasting && <button type="button" class="btn primary" onClick={() => viewport.retry()}>{t('app.retry')}</button>}
    </StateBlock>
  );
}

function SeriesFailed({ reading }: { reading: Reading }): JSX.Element {
  const uid = reading.seriesUid.value;
  const series = reading.study.value?.series ?? [];
  const n = series.find((row) => row.series_instance_uid === uid)?.series_number ?? '';
  const others = series.length > 1 ? t('look.series_others') : '';
  return (
    <StateBlock icon="warn" tone="red" title={t('look.series_failed', { n })} why={`${reasonOf(reading.seriesFailure.value)} ${others}`} alert>
      <button type="button" class="btn primary" onClick={() => void reading.openSeries(uid)}>{t('app.retry')}</button>
    </StateBlock>
  );
}
