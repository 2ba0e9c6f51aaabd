import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import type { Logger } from 'pino';
import { DataSource } from 'typeorm';
import { AccessGuard } from './access.guard.js';
import { Authenticator } from './authenticate.js';
import { Authorizer } from './authorize.js';
import { ClusterGrants, type SubjectAccessReviewCall } from './kubernetes.js';
import { MeController } from './me.controller.js';
import { verifyByOidc } from './oidc.js';
import { type FindSCC, PlanRights } from './plan-rights.js';
import { RoleBindingsController } from './role-bindings.controller.js';
import type { RoleTable } from './roles.js';
import { type AccessConfig, oidcSettings } from './settings.js';
import { type TokenReviewCall, verifyByTokenReview } from './token-review.js';

export interface AccessOptions {
  config: AccessConfig;
  roles: RoleTable;
  tokenReview: TokenReviewCall;
  subjectAccessReview: SubjectAccessReviewCall;
  /** Reads an SCC of the cluster. */
  findSCC: FindSCC;
  /** Whether the API server has read what it decides by. */
  isReady: () => Promise<boolean>;
  log: Logger;
  /** Milliseconds since 1970; the clock of the process unless said. */
  now?: () => number;
  failureBurst?: number;
}

/** The namespace of a ServiceAccount by its user name, `system:serviceaccount:NAMESPACE:NAME`. */
const namespaceOf = (user: string): string => user.split(':')[2] ?? '';

/** Authentication and authorization for every route of the application. Needs a DataSource from the root module. */
@Module({})
export class AccessModule {
  static register(options: AccessOptions): DynamicModule {
    const {
      config,
      roles,
      tokenReview,
      subjectAccessReview,
      findSCC,
      isReady,
      log,
      now = Date.now,
      failureBurst,
    } = options;
    const oidc = oidcSettings(config);
    const authenticator = new Authenticator({
      cluster: verifyByTokenReview(tokenReview, config.TOKEN_AUDIENCE),
      people: oidc && { issuer: oidc.issuer, verify: verifyByOidc(oidc, now) },
      log,
      now,
      ...(failureBurst === undefined ? {} : { failureBurst }),
    });
    const cluster = new ClusterGrants(subjectAccessReview, log, now);
    const configured = {
      adminUsers: config.ADMIN_USERS,
      adminGroups: config.ADMIN_GROUPS,
      engine: config.ENGINE_SERVICE_ACCOUNT,
    };
    return {
      module: AccessModule,
      global: true,
      exports: [Authenticator, Authorizer, PlanRights],
      controllers: [MeController, RoleBindingsController],
      providers: [
        { provide: Authenticator, useValue: authenticator },
        {
          provide: PlanRights,
          useValue: new PlanRights({
            review: subjectAccessReview,
            findSCC,
            isReady,
            own: namespaceOf(config.ENGINE_SERVICE_ACCOUNT),
            log,
          }),
        },
        {
          provide: Authorizer,
          inject: [DataSource],
          useFactory: (db: DataSource) => new Authorizer({ mode: config.ACCESS_MODE, db, cluster, configured, roles }),
        },
        {
          provide: APP_GUARD,
          inject: [Reflector, DataSource, Authorizer],
          useFactory: (reflector: Reflector, db: DataSource, authorizer: Authorizer) =>
            new AccessGuard({ authenticator, authorizer, reflector, db, log }),
        },
      ],
    };
  }
}
