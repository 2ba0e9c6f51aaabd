import { Label } from '@patternfly/react-core';
import { useIsLive } from '../data/live.js';

export const LiveMark = () => {
  const isLive = useIsLive();
  return (
    <Label
      color={isLive ? 'green' : 'grey'}
      isCompact
      title={isLive ? 'Changes appear by themselves.' : 'Not connected; the page asks again every 10 s.'}
    >
      {isLive ? 'live' : 'not live'}
    </Label>
  );
};
