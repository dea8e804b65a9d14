/** Chooses the page for the address and the person; nothing else. */
import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { SignIn } from '../signin/sign_in';
import { StateBlock } from '../ui/elements';
import { Worklist } from '../worklist/worklist';
import { Unreachable } from './api';
import { t } from './i18n';
import { address, navigate, replaceAddress, route } from './router';
import { loadArchive, loadPublicInfo, openSession, session } from './session';

type StudyPage = ComponentType<{ studyInstanceUid: string }>;

/** The code of the quick look comes in a file of its own, while the session is being asked for. */
const loadStudyPage = (): Promise<StudyPage> => import('../quick/quick_look').then((module) => module.QuickLook);

export function App(): JSX.Element {
  const [failure, setFailure] = useState<unknown>(null);
  const start = (): void => {
    setFailure(null);
    openSession().catch(setFailure);
  };
  useEffect(start, []);
  useEffect(followSession, [session.value, route.value.page]);

  if (failure) return <StartFailed failure={failure} onRetry={start} />;
  const here = route.value;
  if (here.page === 'study') return session.value === null ? <Blank /> : <LazyStudy studyInstanceUid={here.studyInstanceUid} />;
  if (session.value === undefined) return <Blank />;
  if (here.page === 'sign-in') return <SignIn next={here.next} />;
  if (session.value === null) return <Blank />;
  return <Worklist />;
}

/** Sends strangers to the sign-in page and the signed-in away from it, and fetches what the bar shows. */
function followSession(): void {
  const here = route.value;
  if (session.value === null) {
    loadPublicInfo().catch(() => undefined); // the form works without a hospital's name
    if (here.page !== 'sign-in') replaceAddress(`/sign-in?next=${encodeURIComponent(address.value.path + address.value.query)}`);
  } else if (session.value) {
    if (here.page === 'sign-in') replaceAddress(here.next);
    if (here.page === 'unknown') replaceAddress('/');
    if (here.page === 'worklist') {
      loadArchive().catch(() => undefined); // the list says it when the archive does not answer
    }
    if (here.page === 'worklist' || !session.value.language) loadPublicInfo().catch(() => undefined);
  }
}

function LazyStudy({ studyInstanceUid }: { studyInstanceUid: string }): JSX.Element {
  const [page, setPage] = useState<{ Page: StudyPage } | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  useEffect(() => {
    loadStudyPage().then((Page) => setPage({ Page }), setFailure);
  }, []);
  if (failure) return <StartFailed failure={failure} onRetry={() => location.reload()} />;
  return page ? <page.Page key={studyInstanceUid} studyInstanceUid={studyInstanceUid} /> : <Blank />;
}

function Blank(): JSX.Element {
  return <main id="main" aria-busy="true"><span class="unseen" role="status">{t('app.loading')}</span></main>;
}

function StartFailed({ failure, onRetry }: { failure: unknown; onRetry: () => void }): JSX.Element {
  const reason = failure instanceof Unreachable ? t('sign_in.unreachable') : String((failure as Error).message ?? failure);
  return (
    <main id="main" style="height:100%;display:grid;place-items:center">
      <StateBlock icon="warn" tone="red" title={t('look.unreachable')} why={reason} alert>
        <button type="button" class="btn primary" onClick={onRetry}>{t('app.retry')}</button>
        <button type="button" class="btn ghost" onClick={() => navigate('/')}>{t('app.back_to_list')}</button>
      </StateBlock>
    </main>
  );
}
