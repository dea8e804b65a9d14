/** The sign-in page: a sheet of film with one slice lit, and a form. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../app/api';
import { t } from '../app/i18n';
import { navigate } from '../app/router';
import { institutionName, publicInfo, signIn } from '../app/session';
import { LanguageChips } from '../ui/account_menu';
import { Icon } from '../ui/icons';
import './sign_in.css';

export function SignIn({ next }: { next: string }): JSX.Element {
  return (
    <div class="sign-in">
      <div class="sheet" aria-hidden="true"><div class="lit" /></div>
      <main class="side" id="main">
        <div class="brand"><Icon name="mark" /><span class="cut">{institutionName.value || t('app.title')}</span></div>
        <SignInForm next={next} />
        <footer class="row">
          <LanguageChips />
          <span class="grow" />
          {publicInfo.value && <span class="faint">{t('app.version', { version: publicInfo.value.version })}</span>}
        </footer>
      </main>
    </div>
  );
}

function SignInForm({ next }: { next: string }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const password = useRef<HTMLInputElement>(null);
  const userName = useRef<HTMLInputElement>(null);
  useEffect(() => userName.current?.focus(), []);

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const who = userName.current?.value.trim() ?? '';
    const secret = password.current?.value ?? '';
    if (!who || !secret) {
      setFailure(t('sign_in.empty'));
      (who ? password : userName).current?.focus();
      return;
    }
    setBusy(true);
    setFailure('');
    try {
      await signIn(who, secret);
      navigate(next);
    } catch (error) {
      setFailure(explain(error));
      setBusy(false);
      password.current?.select();
    }
  };

  return (
    <form class="card" onSubmit={(event) => void submit(event)} noValidate aria-describedby="sign-in-failure">
      <h1>{t('sign_in.title')}</h1>
      <p class="dim tagline">{t('app.tagline')}</p>
      <label class="field">
        <span>{t('sign_in.user_name')}</span>
        <input class="input tall" ref={userName} name="user_name" autocomplete="username" autocapitalize="none" spellcheck={false} />
      </label>
      <PasswordInput input={password} />
      <p id="sign-in-failure" role="alert" class="error" hidden={!failure}>{failure}</p>
      <button class="btn primary" disabled={busy}>{busy ? t('sign_in.busy') : t('sign_in.submit')}</button>
      <p class="dim">{t('sign_in.help')}</p>
    </form>
  );
}

function PasswordInput({ input }: { input: { current: HTMLInputElement | null } }): JSX.Element {
  const [shown, setShown] = useState(false);
  const [capsLock, setCapsLock] = useState(false);
  const watch = (event: KeyboardEvent): void => setCapsLock(event.getModifierState?.('CapsLock') ?? false);
  return (
    <div class="field">
      <span><label for="password">{t('sign_in.password')}</label></span>
      <span class="secret">
        <input
          id="password" class="input tall" ref={input} name="password" autocomplete="current-password"
          // The types of JSX know only literal input types.
          type={(shown ? 'text' : 'password') as 'password'} onKeyDown={watch} onKeyUp={watch} onBlur={() => setCapsLock(false)}
          aria-describedby="caps-lock"
        />
        <button
          type="button" class="ib" aria-pressed={shown} onClick={() => setShown(!shown)}
          aria-label={t(shown ? 'sign_in.hide_password' : 'sign_in.show_password')}
        >
          <Icon name={shown ? 'eye_off' : 'eye'} />
        </button>
      </span>
      <span id="caps-lock" class="hint amber" role="status">
        {capsLock && <><Icon name="warn" size="s" />{t('sign_in.caps_lock')}</>}
      </span>
    </div>
  );
}

function explain(error: unknown): string {
  if (!(error instanceof Problem)) return t('sign_in.unreachable');
  if (error.status === 401) return t('sign_in.wrong');
  if (error.status === 429) return t('sign_in.throttled', { n: error.retryAfterS ?? 60 });
  return t('sign_in.failed', { reason: error.message });
}
