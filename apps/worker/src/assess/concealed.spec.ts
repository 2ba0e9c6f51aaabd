import { concealed } from './concealed.js';

describe('concealed', () => {
  it('shows names and security contexts of a patch, and no value that it sets', () => {
    const patch = {
      metadata: { annotations: { token: 'hunter2' } },
      spec: {
        serviceAccountName: 'app',
        hostNetwork: true,
        securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'app',
            image: 'app:2',
            args: ['--password=hunter2'],
            ports: [{ containerPort: 80 }],
            env: [{ name: 'PASSWORD', value: 'hunter2' }],
            securityContext: { capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    };
    const shown = concealed(patch);
    expect(JSON.stringify(shown)).not.toContain('hunter2');
    expect(shown).toEqual({
      metadata: { annotations: { token: '(as the plan says)' } },
      spec: {
        serviceAccountName: 'app',
        hostNetwork: true,
        securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'app',
            image: 'app:2',
            args: ['(as the plan says)'],
            ports: [{ containerPort: 80 }],
            env: [{ name: 'PASSWORD', value: '(as the plan says)' }],
            securityContext: { capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    });
  });
});
