import { setTimeout as delay } from 'node:timers/promises';
import { CAMPAIGN_TYPE, campaignStatusSchema, isCampaignOver } from '@scc/plan';
import type { KubeObject } from '@scc/kube';
import { CliError, EXIT } from '../exit.js';
import { printable } from '../output.js';
import type { Session } from '../session.js';
import { Screen } from '../tree/screen.js';
import { campaignTable, drawCampaign, type ShownCampaign } from './tree.js';

const WATCH_MS = 1000;

const shownOf = ({ metadata: { name = '', creationTimestamp }, status }: KubeObject & { status?: unknown }) => ({
  name,
  createdAt: creationTimestamp ?? null,
  status: campaignStatusSchema.parse(status ?? {}),
});

async function readShown(session: Session, name: string): Promise<ShownCampaign> {
  const object = await (await session.kube()).get({ ...CAMPAIGN_TYPE, name });
  if (!object) throw new CliError(`there is no campaign ${name}`, 'See them with `sccctl campaign list`.');
  return shownOf(object);
}

/** Lists the campaigns of the cluster. */
export async function listCampaigns(session: Session): Promise<number> {
  const { items } = await (await session.kube()).list(CAMPAIGN_TYPE);
  const campaigns = items.map(shownOf);
  session.output.show(campaigns, () => campaignTable(campaigns, new Date()));
  return EXIT.ok;
}

/** Where each picture goes: in the place of the last one, or where that cannot be, whole whenever it has changed. */
function pictures(session: Session): (campaign: ShownCampaign) => void {
  if (session.output.format === 'json') return (campaign) => session.output.raw(`${JSON.stringify(campaign)}\n`);
  if (process.stdout.isTTY) {
    const screen = new Screen(process.stdout);
    return (campaign) => screen.show(printable(drawCampaign(campaign)));
  }
  let last = '';
  return (campaign) => {
    const picture = printable(drawCampaign(campaign));
    if (picture !== last) session.output.raw(`${picture}\n`);
    last = picture;
  };
}

/** Draws a campaign, or goes on drawing it until it has ended. @returns 0; with `watch` only when it completed */
export async function showCampaign(session: Session, name: string, watch: boolean): Promise<number> {
  if (!watch) {
    const campaign = await readShown(session, name);
    session.output.show(campaign, () => drawCampaign(campaign));
    return EXIT.ok;
  }
  const show = pictures(session);
  for (;;) {
    const campaign = await readShown(session, name);
    show(campaign);
    const { phase } = campaign.status;
    if (isCampaignOver(phase)) return phase === 'Completed' ? EXIT.ok : EXIT.failed;
    await delay(WATCH_MS);
  }
}
