import { Button, Title } from '@patternfly/react-core';
import { hrefOf } from '../data/route.js';
import { Empty } from '../parts/states.js';

export default function Unknown() {
  const actions = (
    <Button component="a" href={hrefOf([])} variant="link">
      Go to the overview
    </Button>
  );
  return (
    <>
      <Title headingLevel="h1">Unknown page</Title>
      <Empty title="There is no page at this address" actions={actions}>
        Check the address, or start from the overview.
      </Empty>
    </>
  );
}
