/** The quick look: see it now, anywhere. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { Problem } from '../app/api';
import { t } from '../app/i18n';
import { address, goBack } from '../app/router';
import type { StudyDetail } from '../app/wire';
import { isTyping, ShortcutDialog, StateBlock, useNarrow } from '../ui/elements';
import { Icon } from '../ui/icons';
import { SeriesThumbnail } from '../ui/series_thumbnail';
import { bodyPart, joined, patientName, sexAndBirthDate, studyMoment } from '../ui/study_words';
import { SaveButton } from './cannot_show';
import { Controls } from './controls';
import { downloadInstance } from './download';
import { pressKey, shortcuts } from './keys';
import { Pane } from './pane';
import './quick.css';
import { Reading } from './reading';
import { reasonOf } from './reasons';

export function QuickLook({ studyInstanceUid }: { studyInstanceUid: string }): JSX.Element {
  const reading = useMemo(() => new Reading(studyInstanceUid), [studyInstanceUid]);
  const narrow = useNarrow();
  const [help, setHelp] = useState(false);
  useEffect(() => {
    if (matchMedia('(pointer: coarse)').matches) reading.viewport.tool.value = 'scroll';
    void reading.open(new URLSearchParams(address.value.query).get('series'));
    return () => reading.close();
  }, [reading]);
  // Before the first paint: whoever sees the page may already press a key.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      if (event.key === 'Escape') goBack('/');
      else if (event.key === '?') setHelp(true);
      else if (!pressKey(event, reading)) return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [reading]);

  const study = reading.study.value;
  useEffect(() => {
    document.title = study ? `${t('look.title')} – ${patientName(study)}` : t('look.title');
  }, [study]);

  if (reading.failure.value) return <StudyFailed reading={reading} />;
  return (
    <div class="look">
      <Header study={study} reading={reading} narrow={narrow} onHelp={() => setHelp(true)} />
      <Strip study={study} reading={reading} />
      {study?.series.length === 0
        ? <main class="pane" id="main"><div class="pane-state"><StateBlock icon="document" title={t('look.empty')} /></div></main>
        : <Pane reading={reading} narrow={narrow} conflict={study?.demographics_conflict ?? false} />}
      <Controls viewport={reading.viewport} narrow={narrow} />
      {help && <ShortcutDialog shortcuts={shortcuts()} onClose={() => setHelp(false)} />}
    </div>
  );
}

interface HeaderProps {
  study: StudyDetail | null;
  reading: Reading;
  narrow: boolean;
  onHelp: () => void;
}

function Header({ study, reading, narrow, onHelp }: HeaderProps): JSX.Element {
  const back = (
    <button type="button" class={`ib ${narrow ? 'big' : ''}`} aria-label={t('app.back_to_list')} title={t('app.back_to_list')} onClick={() => goBack('/')}>
      <Icon name="left" size={narrow ? 'l' : ''} />
    </button>
  );
  if (!study) return <header class={narrow ? 'pbar' : 'bar'}>{back}<span class="skel" style="width:200px;height:16px" /></header>;
  if (narrow) {
    return (
      <header class="pbar">
        {back}
        <span class="grow">
          <h1 class="cut">{patientName(study)}</h1>
          <span class="dim cut">{joined(' · ', sexAndBirthDate(study), study.patient_id, studyMoment(study).date)}</span>
        </span>
      </header>
    );
  }
  const moment = studyMoment(study);
  return (
    <header class="bar">
      {back}
      <h1 class="pt cut">{patientName(study)}</h1>
      <span class="dim">{sexAndBirthDate(study)}</span>
      <span class="dim">{study.patient_id}</span>
      <span class="sep" />
      {study.modalities.slice(0, 3).map((code) => <span class="mod" key={code}>{code}</span>)}
      <span class="cut">{study.study_description || bodyPart(study)}</span>
      <span class="dim">{joined(' ', moment.date, moment.time)}</span>
      <span class="grow" />
      <DownloadCurrent reading={reading} />
      <button type="button" class="ib" aria-label={t('app.shortcuts')} title={t('app.shortcuts')} onClick={onHelp}><Icon name="keyboard" /></button>
    </header>
  );
}

function DownloadCurrent({ reading }: { reading: Reading }): JSX.Element | null {
  const stack = reading.viewport.stack.value;
  const slide = stack?.slides[reading.viewport.index.value];
  if (!stack || !slide) return null;
  return <SaveButton icon label={t('look.download')} save={() => downloadInstance(stack.instanceAddress(slide), slide.sopInstanceUid)} />;
}

function Strip({ study, reading }: { study: StudyDetail | null; reading: Reading }): JSX.Element {
  const current = reading.seriesUid.value;
  const cached = reading.viewport.cached.value;
  const share = cached.length > 0 ? cached.filter(Boolean).length / cached.length : 0;
  return (
    <nav class="strip" aria-label={t('look.series')}>
      <h2>{t('look.series')}</h2>
      {study?.series.map((series) => {
        const here = series.series_instance_uid === current;
        return (
          <SeriesThumbnail
            key={series.series_instance_uid} studyInstanceUid={study.study_instance_uid} series={series} current={here}
            {...(here ? { cached: share } : {})} onClick={() => void reading.openSeries(series.series_instance_uid)}
          />
        );
      })}
    </nav>
  );
}

function StudyFailed({ reading }: { reading: Reading }): JSX.Element {
  const error = reading.failure.value;
  const status = error instanceof Problem ? error.status : 0;
  const title = status === 404 ? t('look.study_missing') : status === 403 ? t('look.study_forbidden') : t('look.study_failed');
  const why = status === 404 ? t('look.study_missing_why') : reasonOf(error);
  return (
    <main id="main" class="whole">
      <StateBlock icon={status === 403 ? 'lock' : 'warn'} tone={status === 403 || status === 404 ? '' : 'red'} title={title} why={why} alert>
        {status !== 403 && status !== 404 && <button type="button" class="btn primary" onClick={() => void reading.open(null)}>{t('app.retry')}</button>}
        <button type="button" class="btn" onClick={() => goBack('/')}>{t('app.back_to_list')}</button>
      </StateBlock>
    </main>
  );
}
