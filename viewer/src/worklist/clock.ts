/** The hospital's day and time zone. */
import { dayIn } from '../app/format';
import { archive } from '../app/session';

export interface Clock {
  readonly timeZone: string | undefined;
  /** The hospital's calendar day, YYYY-MM-DD. */
  today(): string;
}

/** Until the archive has said where it stands, the zone of this machine is as good a guess as any. */
export const hospitalClock: Clock = {
  get timeZone() {
    return archive.value?.timezone;
  },
  today() {
    return dayIn(new Date(), this.timeZone);
  },
};
