"""Forms of the farm's pages. Bad input gets a sentence at its field, and nothing changes."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from farm_app.addresses import Address, BadAddress, address_in, addresses_in
from farm_app.families import FAMILIES
from farm_app.hours import DAYS
from farm_app.models import GpuNode
from farm_app.models.nodes import Tier

UPSCALE: Final = "upscale"
WELL_NAMED: Final = "Letters, digits, hyphens and underscores only, such as gpu-desk."


class Described(forms.BaseForm):
    """A form whose faulty fields name what describes them, in the words of the other pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Say limits plainly."""
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages |= {
                "min_value": "It must be at least %(limit_value)s.",
                "max_value": "It must be at most %(limit_value)s.",
            }

    def is_valid(self) -> bool:
        """Check, and tie each field to its reason."""
        fine = super().is_valid()
        for name in self.errors:
            if name in self.fields:
                widget = self.fields[name].widget
                widget.attrs["aria-invalid"] = "true"
                widget.attrs["aria-describedby"] = f"{self[name].auto_id}_error"
        return fine


class AddressForm(Described, forms.Form):
    """Where a node may be."""

    address = forms.CharField(
        label="Address",
        max_length=300,
        widget=forms.TextInput(
            attrs={
                "placeholder": "192.168.0.20 or rig:8189",
                "autocomplete": "off",
                "autofocus": True,
            }
        ),
        error_messages={"required": "Write where ComfyUI is, such as 192.168.0.20."},
    )

    def clean_address(self) -> Address:
        """Read it; one that a node has already is named."""
        try:
            host, port = address_in(self.cleaned_data["address"])
        except BadAddress as fault:
            raise ValidationError(str(fault)) from fault
        known = GpuNode.objects.filter(host__iexact=host, port=port).first()
        if known is not None:
            raise ValidationError(f"{known.slug} is at this address already.")
        return host, port


class SearchForm(Described, forms.Form):
    """Where nodes may be."""

    addresses = forms.CharField(
        label="Addresses and ranges",
        max_length=4000,
        widget=forms.Textarea(
            attrs={"rows": 3, "placeholder": "192.168.0.20-40, 192.168.0.0/24, rig:8189"}
        ),
        error_messages={"required": "Write the addresses to look at, such as 192.168.0.20-40."},
    )

    def clean_addresses(self) -> list[Address]:
        """Read them."""
        try:
            return addresses_in(self.cleaned_data["addresses"])
        except BadAddress as fault:
            raise ValidationError(str(fault)) from fault


class NodeForm(Described, forms.ModelForm[GpuNode]):
    """A node that was found, with what is suggested for it."""

    families = forms.MultipleChoiceField(
        label="Draws with",
        required=False,
        choices=[(one.id, one.label) for one in FAMILIES.values()],
        widget=forms.CheckboxSelectMultiple,
    )
    can_upscale = forms.BooleanField(label="Upscales", required=False)

    class Meta:
        model = GpuNode
        fields = ("slug", "card", "tier", "vram_gb", "max_resolution")
        labels: Mapping[str, str] = {
            "slug": "Name",
            "card": "Card",
            "vram_gb": "Memory, GB",
            "max_resolution": "Longest side, px",
        }

    def __init__(self, *args: Any, facts: Mapping[str, Any], **kwargs: Any) -> None:
        """Take what the probe found."""
        self.facts = facts
        super().__init__(*args, **kwargs)
        self.fields["tier"].choices = [(one.value, one.value) for one in Tier]  # type: ignore[attr-defined]
        self.fields["slug"].error_messages["required"] = "Give it a short name, such as gpu-desk."
        self.fields["slug"].validators = [RegexValidator(r"^[-\w]+\Z", WELL_NAMED, flags=re.ASCII)]
        self.fields["families"].initial = list(facts.get("fitting", ()))
        self.fields["can_upscale"].initial = bool(facts.get("can_upscale"))

    def clean_slug(self) -> str:
        """Refuse a name that another node has."""
        slug: str = self.cleaned_data["slug"]
        if GpuNode.objects.exclude(pk=self.instance.pk).filter(slug=slug).exists():
            raise ValidationError("Another node already has this name.")
        return slug

    def clean(self) -> dict[str, Any]:
        """Turn ticks into capabilities: all that fits ticked means whatever it has, now and later."""
        found: dict[str, Any] = super().clean() or {}
        ticked = found.get("families", [])
        words = [] if set(ticked) == set(self.facts.get("fitting", ())) else list(ticked)
        if found.get("can_upscale"):
            words.append(UPSCALE)
        self.instance.capabilities = words
        return found


class CareForm(Described, forms.ModelForm[GpuNode]):
    """When a machine is its owner's, and how it sleeps and wakes."""

    own_days = forms.TypedMultipleChoiceField(
        label="Days",
        required=False,
        coerce=int,
        choices=list(enumerate(DAYS)),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = GpuNode
        fields = ("own_days", "own_from", "own_until", "mac", "wakes_for_jobs", "idle_minutes")
        labels: Mapping[str, str] = {
            "own_from": "From",
            "own_until": "Until",
            "mac": "MAC address of its network card",
            "wakes_for_jobs": "Wake it when a job waits that it could take",
            "idle_minutes": "Let it sleep after so many idle minutes",
        }
        widgets: Mapping[str, Any] = {
            "own_from": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "own_until": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
            "mac": forms.TextInput(
                attrs={"placeholder": "3c:7c:3f:12:ab:9e", "autocomplete": "off"}
            ),
            "idle_minutes": forms.TextInput(attrs={"inputmode": "numeric"}),
        }

    def clean(self) -> dict[str, Any]:
        """See that what sleeps can be woken."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("wakes_for_jobs") and not found.get("mac") and "mac" not in self.errors:
            self.add_error("mac", "Without it nobody can wake the machine.")
        if found.get("idle_minutes") and not found.get("wakes_for_jobs"):
            self.add_error("idle_minutes", "Only for a machine that is woken when jobs wait.")
        return found
