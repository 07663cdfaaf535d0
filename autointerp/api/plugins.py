"""The catalogue of plug-ins."""

import inspect

from fastapi import APIRouter

from autointerp import plugins
from autointerp.api.problems import documented
from autointerp.api.schemas.plugins import Catalogue, Plugin, PluginRole
from autointerp.errors import NotFound

router = APIRouter(prefix="/plugins", tags=["plug-ins"])


@router.get("", responses=documented())
def list_plugins(role: PluginRole | None = None) -> Catalogue:
    """List the plug-ins that ship, with the JSON schema of their options."""
    roles = [role] if role is not None else list(PluginRole)
    return Catalogue(items=[_plugin(role, name) for role in roles for name in plugins.names(role)])


@router.get("/{role}/{name}", responses=documented(NotFound))
def get_plugin(role: PluginRole, name: str) -> Plugin:
    """Show one plug-in and its options."""
    if name not in plugins.names(role):
        raise NotFound(f"there is no {role} {name!r}; there are {', '.join(plugins.names(role))}")
    return _plugin(role, name)


def _plugin(role: PluginRole, name: str) -> Plugin:
    config = plugins.config_class(role, name)
    module = inspect.getmodule(config)
    summary = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
    return Plugin(role=role, name=name, summary=summary, options=config.model_json_schema())
