/** Starts the viewer. */
import '@preact/signals';
import { render } from 'preact';
import { App } from './app/app';
import { onSignedOut } from './app/api';
import { chooseLanguage, rememberedLanguage } from './app/i18n';
import { startRouter } from './app/router';
import { endSession } from './app/session';
import './ui/fonts.css';
import './ui/tokens.css';
import './ui/ui.css';

startRouter();
onSignedOut(endSession);
const language = rememberedLanguage();
const ready = language ? chooseLanguage(language) : Promise.resolve();
// Should the words fail to load, the page still speaks Vietnamese.
void ready.catch(() => undefined).then(() => render(<App />, document.getElementById('app')!));
